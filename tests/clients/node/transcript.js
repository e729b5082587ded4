// Transcripts: what is asked and what comes back. A line after `$ ` is run by a shell, one
// after `> ` is JavaScript; a `\` at the end continues either. Up to the next of them is the
// answer, in which whatever differs from run to run is replaced.
'use strict';

const {spawnSync} = require('node:child_process');
const vm = require('node:vm');

const COMMAND_MS = 60_000;

const VARYING = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '[time]'],
  [/"(seconds|nanos)": ("\d{9,}"|\d+)/g, '"$1": [time]'],
  [/"(pageToken|nextPageToken|resumeToken|etag)": ?"(?:[^"\\]|\\.)+"/g, '"$1": [token]'],
  [/^id: \S+$/gm, 'id: [token]'],
  [/^(date|x-trace-id): .*$/gm, '$1: [$1]'],
  [/\r/g, ''],
];

function normalised(text) {
  return VARYING.reduce((text, [pattern, name]) => text.replace(pattern, name), text).trimEnd();
}

// Comments and requests, in their order, each with the lines that it has.
function parts(text) {
  const found = [];
  let continued = false;
  for (const line of text.split('\n')) {
    if (continued) {
      found.at(-1).push(line);
    } else if (/^[#$>] /.test(line)) {
      found.push([line]);
    } else {
      continue;
    }
    continued = line.endsWith('\\');
  }
  return found.map(lines => lines.join('\n'));
}

// Sends the requests of a transcript, and returns it with the answers that came.
async function replay(text, environment, scope) {
  const context = vm.createContext(scope);
  let written = '';
  for (const part of parts(text)) {
    const code = part.slice(2).replaceAll('\\\n', ' ');
    if (part.startsWith('$')) {
      written += `${part}\n${normalised(shell(code, environment))}`;
    } else if (part.startsWith('>')) {
      written += `${part}\n${normalised(await script(code, context))}`;
    } else {
      written += `${part}\n`;
      continue;
    }
    written = `${written.trimEnd()}\n\n`;
  }
  return written.trimEnd() + '\n';
}

function shell(command, environment) {
  const {error, stdout} = spawnSync('bash', ['-c', command], {
    env: {...process.env, ...environment},
    encoding: 'utf8',
    // A curl that `head` has left behind keeps it open.
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: COMMAND_MS,
  });
  if (error) {
    throw error;
  }
  return stdout;
}

// What an expression is, as JSON; of an error what callers look at. An assignment says
// nothing, and waits for nothing unless it says `await`.
async function script(code, context) {
  const assigns = /^\w+ = /.test(code);
  if (assigns && !code.includes('await')) {
    vm.runInContext(code, context);
    return '';
  }
  const run = vm.runInContext(`(async () => (${code}))()`, context);
  if (assigns) {
    await run;
    return '';
  }
  const value = await run.catch(({code, message, reason}) => {
    // grpc-js puts the code before it.
    return {code, message: message.replace(/^\d+ [A-Z_]+: /, ''), reason};
  });
  return JSON.stringify(value, readable, 2);
}

function readable(_, value) {
  return value?.type === 'Buffer' ? Buffer.from(value.data).toString('base64') : value;
}

module.exports = {replay};
