// A reception, written with @jambonz/node-client as its README says.
'use strict';
const express = require('express');
const { WebhookResponse } = require('@jambonz/node-client');

const app = express();
app.use(express.json());
app.use(WebhookResponse.verifyJambonzSignature(process.env.WEBHOOK_SECRET));

app.post('/incoming', (req, res) => {
  const reception = new WebhookResponse();
  reception
    .answer()
    .pause({ length: 0.5 })
    .gather({
      input: ['digits'],
      finishOnKey: '#',
      interDigitTimeout: 3,
      actionHook: '/extension',
      say: { text: ['Dial an extension.', 'Then press the hash key.'], loop: 1 },
    });
  res.status(200).json(reception);
});

app.post('/extension', (req, res) => {
  const reception = new WebhookResponse();
  if (req.body.digits) {
    reception
      .dial({
        target: [
          { type: 'user', name: req.body.digits },
          { type: 'sip', sipUri: `sip:${req.body.digits}@pbx.test`, auth: { username: 'ann', password: 'secret' } },
        ],
        answerOnBridge: true,
        confirmHook: '/confirm',
        actionHook: '/after',
        timeLimit: 3600,
      });
  }
  else reception.sip_decline({ status: 480, reason: 'Gone fishing', headers: { 'X-Back': 'Monday' } });
  res.json(reception);
});

app.post('/confirm', (req, res) => {
  const screening = new WebhookResponse();
  screening
    .gather({ input: ['digits'], numDigits: 1, timeout: 5, actionHook: '/confirmed', say: { text: 'Press one to take it.' } })
    .hangup();
  res.json(screening);
});
app.post('/confirmed', (req, res) => {
  const screening = new WebhookResponse();
  if (req.body.digits === '1') screening.say({ text: 'Thank you.' });
  res.json(screening);
});

app.post('/after', (req, res) => {
  const reception = new WebhookResponse();
  if (req.body.dial_call_status !== 'completed') {
    reception
      .say({ text: 'Leave a message.' })
      .listen({
        url: 'wss://recorder.test/messages',
        actionHook: '/recorded',
        finishOnKey: '#',
        maxLength: 60,
        playBeep: true,
        passDtmf: true,
        metadata: { extension: 17 },
      });
  }
  else reception.hangup();
  res.json(reception);
});
app.post('/recorded', (req, res) => {
  const reception = new WebhookResponse();
  reception.say({ text: `${req.body.dial_call_duration} seconds are kept.` }).hangup();
  res.json(reception);
});
app.post(['/status', '/echo'], (req, res) => res.sendStatus(200));

app.listen(3000);
