// A box office, written with @jambonz/sdk and express as its guide says.
'use strict';
const express = require('express');
const { WebhookResponse, envVarsMiddleware } = require('@jambonz/sdk/webhook');

const seen = [];
const app = express();
app.use(express.json());
app.use(envVarsMiddleware({
  GREETING: { type: 'string', description: 'What callers hear first', default: 'Welcome.' },
  INPUT: { type: 'string', description: 'What they may answer with', default: 'digits speech' },
}));
app.get('/seen', (req, res) => res.json(seen));
app.use(WebhookResponse.verifySignature(process.env.WEBHOOK_SECRET));
app.use((req, res, next) => {
  seen.push({ path: req.path, payload: req.body });
  next();
});

app.post('/incoming', (req, res) => {
  const greeting = req.body.env_vars?.GREETING || 'Welcome.';
  const input = (req.body.env_vars?.INPUT || 'digits speech').split(' ');
  res.json(new WebhookResponse()
    .tag({ data: { orderId: 7, Name: 'Zoë', share: 0.00005, '10': 'ten', '9': 'nine' } })
    .gather({
      id: 'menu',
      input,
      numDigits: 1,
      timeout: 8,
      bargein: true,
      actionHook: '/menu',
      partialResultHook: '/partial',
      say: { text: `${greeting} One for sales, two for the hours, five for the doorman.` },
    })
    .say({ text: 'We heard nothing. Goodbye.' })
    .hangup());
});

app.post('/menu', (req, res) => {
  const { digits, speech, customerData } = req.body;
  const choice = digits || speech?.alternatives?.[0]?.transcript;
  const answer = new WebhookResponse();
  switch (choice) {
    case '1':
    case 'sales':
      answer
        .say({ text: 'One moment.' })
        .dial({
          id: 'sales',
          target: [{ type: 'phone', number: '+15550001', headers: { 'X-Name': customerData.Name } }],
          headers: { 'X-Order': customerData.orderId },
          callerId: req.body.from,
          answerOnBridge: true,
          timeout: 20,
          dtmfCapture: ['*1'],
          dtmfHook: '/keys',
          actionHook: { url: '/dialled', method: 'POST' },
        });
      break;
    case '2':
      answer
        .config({ synthesizer: { vendor: 'default', language: 'en-GB', voice: 'default' } })
        .play({ url: ['http://files.test/hours.wav', 'silence_stream://500'], loop: 2, actionHook: '/played' })
        .say({ text: 'This is not heard.' });
      break;
    case '5':
    case '7':
      answer.say({ text: 'The doorman is off today.' }).hangup({ headers: { 'X-Office': 'closed' } });
      break;
    case 'operator':
      answer.sipRefer({ referTo: 'sip:1002@pbx.test', actionHook: '/referred', eventHook: '/event' });
      break;
    default:
      answer.redirect({ actionHook: '/incoming' });
  }
  res.json(answer);
});

app.post('/dialled', (req, res) => {
  res.json(new WebhookResponse()
    .say({ text: `Sales said ${req.body.dial_call_status}, order ${req.body.customerData.orderId}.` })
    .hangup());
});
app.post('/played', (req, res) => {
  res.json(new WebhookResponse().say({ text: `You heard ${req.body.playback_milliseconds}.` }).hangup());
});
app.post('/referred', (req, res) => {
  res.json(new WebhookResponse().say({ text: `Referred: ${req.body.final_referred_call_status}.` }).hangup());
});
app.post(['/partial', '/keys', '/event', '/call-status', '/echo'], (req, res) => res.sendStatus(200));

app.listen(3000);
