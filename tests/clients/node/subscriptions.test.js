// @googleapis/workspaceevents, unmodified, walks a subscription's life; `longrun worker simulate`
// does the work.
'use strict';

const assert = require('node:assert/strict');
const {spawn} = require('node:child_process');
const {once} = require('node:events');
const {writeFile} = require('node:fs/promises');
const path = require('node:path');
const {after, before, test} = require('node:test');

const {auth, workspaceevents} = require('@googleapis/workspaceevents');

const {Server, TOKENS} = require('./server');

const SERVICE = 'workspaceevents.googleapis.com';
const PACKAGE = 'google.apps.events.subscriptions.v1';
const TYPES = `type.googleapis.com/${PACKAGE}`;
const NAME = 'subscriptions/chat-spaces-1';

const WANTED = {
  targetResource: '//chat.googleapis.com/spaces/AAAA',
  eventTypes: ['google.workspace.chat.message.v1.created'],
  notificationEndpoint: {pubsubTopic: 'projects/p/topics/t'},
};

const SCRIPT = `
[method."${PACKAGE}.SubscriptionsService/CreateSubscription"]
[method."${PACKAGE}.SubscriptionsService/CreateSubscription".response]
"@type" = "${TYPES}.Subscription"
name = "${NAME}"
targetResource = "{subscription.targetResource}"
eventTypes = "{subscription.eventTypes}"
notificationEndpoint = "{subscription.notificationEndpoint}"
state = "ACTIVE"

[method."${PACKAGE}.SubscriptionsService/UpdateSubscription"]
[method."${PACKAGE}.SubscriptionsService/UpdateSubscription".response]
"@type" = "${TYPES}.Subscription"
name = "{subscription.name}"
eventTypes = "{subscription.eventTypes}"

[method."${PACKAGE}.SubscriptionsService/ReactivateSubscription"]
[method."${PACKAGE}.SubscriptionsService/ReactivateSubscription".error]
code = "FAILED_PRECONDITION"
message = "{name} is active."

[method."${PACKAGE}.SubscriptionsService/DeleteSubscription"]
response = {"@type" = "type.googleapis.com/google.protobuf.Empty"}
`;

let server;
let worker;

before(async () => {
  server = await Server.start('--service', SERVICE);
  const script = path.join(server.folder, 'script.toml');
  const token = path.join(server.folder, 'worker.token');
  await writeFile(script, SCRIPT);
  await writeFile(token, TOKENS.worker.text, {mode: 0o600});
  worker = spawn(
    process.env.LONGRUN_BIN,
    [
      ...['worker', 'simulate', '--server', server.url, '--service', SERVICE],
      ...['--token-file', token, '--script', script],
    ],
    {stdio: ['ignore', 'ignore', 'inherit']}
  );
});

after(async () => {
  const ended = once(worker, 'exit');
  worker.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await server.stop();
});

function api(subject) {
  const credentials = new auth.OAuth2();
  credentials.setCredentials({access_token: TOKENS[subject].text});
  return workspaceevents({version: 'v1', auth: credentials, rootUrl: `${server.url}/`});
}

// The operation once it is done.
async function outcome(client, {name}) {
  for (;;) {
    const {data} = await client.operations.get({name}, {headers: {prefer: 'wait=30'}});
    if (data.done) {
      return data;
    }
  }
}

test('a subscription lives', async () => {
  const client = api('alice');
  const {subscriptions} = client;
  const {data: creation} = await subscriptions.create({requestBody: WANTED});
  assert.match(creation.name, /^operations\/[0-9a-z]{26}$/);
  const created = await outcome(client, creation);
  assert.deepEqual(created.metadata, {'@type': `${TYPES}.CreateSubscriptionMetadata`});
  const subscription = {'@type': `${TYPES}.Subscription`, name: NAME, ...WANTED, state: 'ACTIVE'};
  assert.deepEqual(created.response, subscription);

  const eventTypes = ['google.workspace.chat.message.v1.deleted'];
  const {data: update} = await subscriptions.patch({
    name: NAME,
    updateMask: 'eventTypes',
    requestBody: {eventTypes},
  });
  const updated = await outcome(client, update);
  assert.deepEqual(updated.response, {'@type': `${TYPES}.Subscription`, name: NAME, eventTypes});

  const {data: reactivation} = await subscriptions.reactivate({name: NAME});
  const {error} = await outcome(client, reactivation);
  assert.deepEqual(error, {code: 9, message: `${NAME} is active.`});

  const {data: deletion} = await subscriptions.delete({name: NAME});
  const deleted = await outcome(client, deletion);
  assert.deepEqual(deleted.metadata, {'@type': `${TYPES}.DeleteSubscriptionMetadata`});
  assert.deepEqual(deleted.response, {'@type': 'type.googleapis.com/google.protobuf.Empty'});
});

test('what is missing is named', async () => {
  const call = api('alice').subscriptions.create({requestBody: {}});
  await assert.rejects(call, ({status, response}) => {
    const details = response.data.error.details;
    const {fieldViolations} = details.find(({fieldViolations}) => fieldViolations);
    assert.deepEqual(fieldViolations.map(({field}) => field).sort(), [
      'subscription.event_types',
      'subscription.notification_endpoint',
      'subscription.target_resource',
    ]);
    return status === 400;
  });
});

test("somebody else's operation is not found", async () => {
  const {data} = await api('alice').subscriptions.create({requestBody: WANTED});
  const call = api('bob').operations.get({name: data.name});
  await assert.rejects(call, ({status, response}) => {
    assert.equal(response.data.error.details[0].reason, 'OPERATION_NOT_FOUND');
    return status === 404;
  });
});
