/** A page with a terminal in it, and a shell for each that is open. Whoever comes here was let in by Knot; nothing else reaches the socket. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values } = parseArgs({ options: { socket: text, packages: text, folder: text } });
const modules = join(values.packages, 'node_modules');
const require = createRequire(join(modules, 'x.js'));
const { spawn } = require('@lydell/node-pty');
const { WebSocketServer } = require('ws');

const files = {
  '/': [join(import.meta.dirname, 'page.html'), 'text/html; charset=utf-8'],
  '/page.js': [join(import.meta.dirname, 'page.js'), 'text/javascript; charset=utf-8'],
  '/xterm.js': [join(modules, '@xterm/xterm/lib/xterm.js'), 'text/javascript; charset=utf-8'],
  '/xterm.css': [join(modules, '@xterm/xterm/css/xterm.css'), 'text/css; charset=utf-8'],
  '/fit.js': [join(modules, '@xterm/addon-fit/lib/addon-fit.js'), 'text/javascript; charset=utf-8'],
};

const server = createServer((request, response) => {
  const found = Object.hasOwn(files, request.url.split('?')[0]) && files[request.url.split('?')[0]];
  if (!found) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': found[1], 'x-content-type-options': 'nosniff' });
  response.end(readFileSync(found[0]));
});

const most = 20;
const sockets = new WebSocketServer({ server, path: '/shell', maxPayload: 1024 * 1024 });
sockets.on('connection', (socket) => {
  if (sockets.clients.size > most) return socket.close(1013, 'too many shells');
  const shell = spawn('/bin/bash', ['-i'], {
    name: 'xterm-256color',
    cwd: values.folder,
    cols: 80,
    rows: 24,
    env: process.env,
  });
  let isOver = false;
  shell.onData((data) => {
    socket.send(data);
    // Whoever does not keep up is not flooded.
    if (socket.bufferedAmount > 1024 * 1024) shell.pause();
  });
  const resume = setInterval(() => socket.bufferedAmount < 256 * 1024 && !isOver && shell.resume(), 100);
  shell.onExit(({ exitCode }) => {
    isOver = true;
    socket.close(1000, `ended with ${exitCode}`);
  });
  socket.on('error', () => socket.terminate());
  // What is typed as bytes, the size of the page as text.
  socket.on('message', (data, isBinary) => {
    if (isOver) return;
    if (isBinary) return shell.write(data.toString());
    const [columns, rows] = sizeIn(data.toString());
    if (columns > 0 && rows > 0) shell.resize(Math.min(columns, 1000), Math.min(rows, 1000));
  });
  socket.on('close', () => {
    clearInterval(resume);
    if (!isOver) shell.kill('SIGHUP');
  });
});
server.listen(values.socket);

function sizeIn(said) {
  try {
    const [columns, rows] = JSON.parse(said);
    return [Math.trunc(columns), Math.trunc(rows)];
  } catch {
    return [0, 0];
  }
}
