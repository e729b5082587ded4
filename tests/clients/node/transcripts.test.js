// List, filter, wait and watch, by curl and by Node, as the transcripts have them. With
// TRANSCRIPTS=write they are written anew: read what has changed.
'use strict';

const assert = require('node:assert/strict');
const {readdirSync, readFileSync, writeFileSync} = require('node:fs');
const path = require('node:path');
const {test} = require('node:test');

const {bearer, operationsClient, stubs} = require('./clients');
const {Server} = require('./server');
const {replay} = require('./transcript');

const FOLDER = path.join(__dirname, '../transcripts');
const RECORDS = 'services/longrun.local/operations';
const STRUCT = 'type.googleapis.com/google.protobuf.Struct';

// Four of Alice's operations: failed, succeeded and two that run; and one of Bob's. They are
// done by the API itself, so they need no lease to be finished.
async function scene(server) {
  const create = (id, owner, shelf, percent) =>
    server.backend('POST', `${RECORDS}?operationId=${id}`, {
      owner: `static:${owner}`,
      method: 'library.v1.Library/Import',
      labels: {shelf},
      operation: {metadata: {'@type': STRUCT, value: {percent}}},
      execution: 'SELF',
      deadline: '2100-01-01T00:00:00Z',
    });
  await create('import-1', 'alice', 'east', 20);
  await create('import-2', 'alice', 'west', 100);
  await create('import-3', 'alice', 'east', 60);
  await create('import-4', 'bob', 'east', 0);
  await create('import-5', 'alice', 'west', 0);
  await server.backend('POST', `${RECORDS}/import-1:finish`, {
    error: {code: 9, message: 'The shelf is full.'},
  });
  await finish(server, 'import-2');
}

function finish(server, id) {
  const response = {'@type': STRUCT, value: {books: 12}};
  return server.backend('POST', `${RECORDS}/${id}:finish`, {response});
}

// The elements of an NDJSON body, as they come.
async function* elements(body) {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    yield* lines.map(line => JSON.parse(line));
  }
}

// What the expressions of the transcripts may name, and what ends it, by their folder.
const SCOPES = {
  curl: [() => ({})],
  gax: ['grpc', 'rest'].map(door => server => operationsClient(server, door)),
  'grpc-js': [stubs],
  fetch: [
    server => ({
      ...{fetch, elements, URLSearchParams},
      ...{root: server.url, alice: bearer('alice'), worker: bearer('worker')},
    }),
  ],
};

for (const [folder, scopes] of Object.entries(SCOPES)) {
  for (const name of readdirSync(path.join(FOLDER, folder))) {
    for (const [door, scoped] of scopes.entries()) {
      test(`${folder}/${name}, ${door + 1} of ${scopes.length}`, async () => {
        const server = await Server.start();
        const {close, ...scope} = scoped(server);
        try {
          await scene(server);
          const environment = {
            LONGRUN: server.url,
            ALICE: `Authorization: ${bearer('alice').authorization}`,
            BOB: `Authorization: ${bearer('bob').authorization}`,
            WORKER: `Authorization: ${bearer('worker').authorization}`,
          };
          const file = path.join(FOLDER, folder, name);
          const expected = readFileSync(file, 'utf8');
          const found = await replay(expected, environment, {
            ...scope,
            finish: id => finish(server, id),
          });
          if (process.env.TRANSCRIPTS === 'write') {
            writeFileSync(file, found);
          }
          assert.equal(found, expected);
        } finally {
          close?.();
          await server.stop();
        }
      });
    }
  }
}
