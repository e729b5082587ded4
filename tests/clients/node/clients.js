// Clients of one server as a program in Node has them, with Alice's token or the worker's.
'use strict';

const path = require('node:path');
const gax = require('google-gax');

const {TOKENS} = require('./server');

const {OAuth2Client} = gax.googleAuthLibrary;
const PROTOS = path.join(__dirname, '../../../crates/api/proto');
const OPERATIONS = 'google.longrunning.Operations';

// As Google's generated clients give them.
const HTTP_RULES = [
  {selector: `${OPERATIONS}.ListOperations`, get: '/v1/{name=operations}'},
  {selector: `${OPERATIONS}.GetOperation`, get: '/v1/{name=operations/**}'},
];

function bearer(subject) {
  return {authorization: `Bearer ${TOKENS[subject].text}`};
}

function credentials(subject) {
  const client = new OAuth2Client();
  client.setCredentials({access_token: TOKENS[subject].text});
  return client;
}

// The types of what comes as JSON.
function types() {
  const root = new gax.protobuf.Root();
  root.resolvePath = (_, file) => path.join(PROTOS, file);
  const files = ['google/longrunning/operations.proto', 'google/rpc/error_details.proto'];
  return root.loadSync([...files, 'google/protobuf/struct.proto']);
}

// google-gax's OperationsClient, by the door that it goes through.
const OPERATIONS_CLIENTS = {
  grpc(servicePath, port) {
    const auth = new gax.GoogleAuth({authClient: credentials('alice')});
    const sslCreds = gax.grpc.credentials.createInsecure();
    return gax.lro({auth}).operationsClient({servicePath, port, sslCreds});
  },
  rest(servicePath, port) {
    const auth = credentials('alice');
    const options = {auth, fallback: true, httpRules: HTTP_RULES, protoJson: types()};
    return gax.fallback.lro(options).operationsClient({servicePath, port, protocol: 'http'});
  },
};

// The OperationsClient, the options of each of its calls, and an operation's promise.
function operationsClient(server, door) {
  const operations = OPERATIONS_CLIENTS[door](...server.address.split(':'));
  // Over plain text grpc-js sends no credentials: each call brings its header along.
  const alice = {otherArgs: {headers: bearer('alice')}};
  const promise = (name, callOptions = alice) =>
    operations.getOperation({name}, callOptions).then(([operation]) => {
      const {Struct} = types().lookup('google.protobuf');
      const decode = bytes => Struct.toObject(Struct.decode(bytes));
      const descriptor = new gax.LongrunningDescriptor(operations, decode, decode);
      const backoff = gax.createDefaultBackoffSettings();
      return gax.operation(operation, descriptor, backoff, callOptions).promise();
    });
  return {operations, alice, promise, close: () => operations.close()};
}

function metadata(subject) {
  const made = new gax.grpc.Metadata();
  made.set('authorization', bearer(subject).authorization);
  return made;
}

// Stubs made from interface definitions, a way to call them, and who may call.
function stubs(server) {
  const client = new gax.GrpcClient({auth: new gax.GoogleAuth({authClient: credentials('worker')})});
  const insecure = gax.grpc.credentials.createInsecure();
  const {Operations} = client.loadProto(PROTOS, 'google/longrunning/operations.proto').google
    .longrunning;
  const {Backend} = client.loadProto(PROTOS, 'longrun/v1/backend.proto').longrun.v1;
  const operations = new Operations(server.address, insecure);
  const backend = new Backend(server.address, insecure);
  const call = (stub, rpc, request, who) =>
    new Promise((resolve, reject) =>
      stub[rpc](request, who, (error, answer) => (error ? reject(error) : resolve(answer)))
    );
  const close = () => [operations, backend].forEach(stub => stub.close());
  return {operations, backend, call, alice: metadata('alice'), worker: metadata('worker'), close};
}

module.exports = {bearer, operationsClient, stubs};
