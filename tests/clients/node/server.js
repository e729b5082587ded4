// A `longrun serve` process in a folder of its own, and who may call it.
'use strict';

const {spawn} = require('node:child_process');
const {createHash} = require('node:crypto');
const {once} = require('node:events');
const {mkdtemp, rm, writeFile} = require('node:fs/promises');
const {tmpdir} = require('node:os');
const path = require('node:path');
const {createInterface} = require('node:readline');

const CHAT = 'https://www.googleapis.com/auth/chat.spaces.readonly';

// Static tokens by their subject: the principal is `static:{subject}`.
const TOKENS = {
  alice: {text: 'token-of-alice', scopes: [CHAT]},
  bob: {text: 'token-of-bob', scopes: [CHAT]},
  worker: {text: 'token-of-the-worker', scopes: ['longrun.backend']},
};

function tokenTable([subject, {text, scopes}]) {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `[[auth.tokens]]
subject = "${subject}"
sha256 = "${sha256}"
scopes = ${JSON.stringify(scopes)}
`;
}

class Server {
  // Starts one with these arguments, and returns once it listens.
  static async start(...args) {
    const program = process.env.LONGRUN_BIN;
    if (!program) {
      throw new Error('LONGRUN_BIN is the path of the longrun program');
    }
    const folder = await mkdtemp(path.join(tmpdir(), 'longrun-'));
    const config = path.join(folder, 'longrun.toml');
    await writeFile(config, Object.entries(TOKENS).map(tokenTable).join('\n'));
    // Only the command line speaks: LONGRUN_* of whoever runs this doesn't.
    const named = Object.entries(process.env).filter(([name]) => !name.startsWith('LONGRUN_'));
    const child = spawn(
      path.resolve(program),
      [
        ...['serve', '--listen', '127.0.0.1:0', '--log-format', 'json'],
        ...['--config', config, '--data-dir', path.join(folder, 'data'), ...args],
      ],
      {env: Object.fromEntries(named), stdio: ['ignore', 'ignore', 'pipe']}
    );
    const address = await listening(child);
    return new Server(child, folder, address);
  }

  constructor(child, folder, address) {
    this.child = child;
    this.folder = folder;
    this.address = address;
    this.url = `http://${address}`;
  }

  async stop() {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const [code] = await ended;
    await rm(this.folder, {recursive: true});
    if (code !== 0) {
      throw new Error(`longrun serve ended with exit code ${code} after SIGTERM`);
    }
  }

  // A call to `longrun.v1.Backend`: what it answers.
  async backend(verb, name, body) {
    const answer = await fetch(`${this.url}/longrun/v1/${name}`, {
      method: verb,
      headers: {authorization: `Bearer ${TOKENS.worker.text}`, 'content-type': 'application/json'},
      body: JSON.stringify(body),
    });
    const content = await answer.json();
    if (!answer.ok) {
      throw new Error(`${verb} ${name}: ${JSON.stringify(content)}`);
    }
    return content;
  }
}

// The address, which the log says. The log is read to its end, or its pipe would fill.
function listening(child) {
  return new Promise((resolve, reject) => {
    const before = [];
    const lines = createInterface({input: child.stderr});
    lines.on('line', line => {
      before.push(line);
      const entry = line.startsWith('{') ? JSON.parse(line) : {};
      if (entry.message === 'listening') {
        resolve(entry.address);
      }
    });
    child.on('error', reject);
    lines.on('close', () => reject(new Error(`it didn't start:\n${before.join('\n')}`)));
  });
}

module.exports = {Server, TOKENS};
