/**
 * A terminal, as a program inside a sandbox: a shell on a pseudo-terminal, what is typed and its size from the standard input, what it
 * shows to the standard output. The library that makes pseudo-terminals lets every later child of its process inherit them (it does
 * not set FD_CLOEXEC), so no process that starts anything for anybody else may use it: each terminal has a process of its own, with
 * no more rights than the shell.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , library] = process.argv;
const { spawn } = createRequire(library)('@lydell/node-pty');
const settings = join(import.meta.dirname, 'terminal.bashrc');
const inputLetter = 0x69;
const sizeLetter = 0x73;

let terminal;
let exited = false;
let rest = Buffer.alloc(0);

process.stdin.on('data', (bytes) => {
  rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
  while (rest.length >= 5) {
    const end = 5 + rest.readUInt32BE(1);
    if (rest.length < end) break;
    take(rest[0], rest.subarray(5, end));
    rest = rest.subarray(end);
  }
});
// Whoever held this terminal is gone.
process.stdin.on('end', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));

function take(letter, bytes) {
  if (letter === sizeLetter) {
    const [cols, rows] = JSON.parse(bytes.toString());
    if (terminal === undefined) begin(cols, rows);
    else if (!exited) {
      try {
        terminal.resize(cols, rows);
      } catch {
        // EBADF: it ended a moment ago.
      }
    }
  } else if (letter === inputLetter && terminal !== undefined && !exited) {
    terminal.write(Buffer.from(bytes));
  }
}

function begin(cols, rows) {
  const shell = ['/bin/bash', '/usr/bin/bash', '/bin/sh'].find((path) => existsSync(path));
  const env = { ...process.env, TERM: 'xterm-256color', COLORTERM: 'truecolor', SHELL: shell };
  const args = shell.endsWith('bash') ? ['--rcfile', settings, '-i'] : ['-i'];
  terminal = spawn(shell, args, { name: 'xterm-256color', cols, rows, cwd: process.env.HOME, env, encoding: null });
  terminal.onData((bytes) => {
    if (process.stdout.write(bytes)) return;
    terminal.pause();
    process.stdout.once('drain', () => terminal.resume());
  });
  terminal.onExit(({ exitCode, signal }) => {
    exited = true;
    process.exitCode = signal ? 128 + signal : exitCode;
    // The last words are on their way still.
    process.stdin.destroy();
  });
}
