// Runs the published JavaScript SDKs for our tests: a line of JSON {sdk, resource, method, args} in, {value} or {error} out.
// Settings: MODULES (where npm put them), BASE_URL, ACCOUNT_SID, API_KEY.
'use strict';
const { createRequire } = require('node:module');
const readline = require('node:readline');

const { MODULES, BASE_URL: baseUrl, ACCOUNT_SID: accountSid, API_KEY: apiKey } = process.env;
const published = createRequire(`${MODULES}/of-the-tests.js`);
const { JambonzClient } = published('@jambonz/sdk/client');
const clients = {
  sdk: new JambonzClient({ baseUrl, accountSid, apiKey }),
  'node-client': published('@jambonz/node-client')(accountSid, apiKey, { baseUrl }),
};

async function run() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { sdk, resource, method, args } = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await clients[sdk][resource][method](...args)) ?? null };
    } catch (error) {
      answer = { error: String(error.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

run();
