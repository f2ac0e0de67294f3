import { programTemplate } from '../support/process/templates.ts';

/**
 * A folder of templates with one, `mirror`: it answers with the headers it got, streams a tick at `/ticks` for ever, echoes on a WebSocket, and
 * tries to set cookies for others.
 */
export function mirrorTemplate(t: { teardown(end: () => void): void }): string {
  return programTemplate(t, {
    name: 'mirror',
    description: 'A mirror.',
    values: '{}\n',
    program: `import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
const server = createServer((request, response) => {
  if (request.url === '/ticks') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: tick\\n\\n'), 100);
    return response.on('close', () => clearInterval(timer));
  }
  response.setHeader('set-cookie', [
    'own=1; Path=/',
    'wide=1; Domain=localhost; Path=/',
    '__Host-knot=' + 'x'.repeat(43) + '; Secure; Path=/',
    '__Host-knot-visit=' + 'x'.repeat(43) + '; Secure; Path=/',
  ]);
  response.end(JSON.stringify({ method: request.method, ...request.headers }));
});
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: Upgrade\\r\\nsec-websocket-accept: ' + accept + '\\r\\n\\r\\n');
  socket.write(Buffer.from([0x81, 2, 104, 105]));
});
server.listen(process.argv[2]);
`,
  });
}
