import { type IncomingMessage, request, type RequestOptions, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

/** Fields that are about one connection and not about what is asked for (RFC 9110, 7.6.1), and those for the proxy itself. */
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'host'],
]);

/**
 * Sends a request on over a connection of its own, and the answer back. What is cut short on one side is cut on the other. `host` is
 * the field of that name, `connection` says where it goes; `unanswered` is said where there is no answer.
 */
export function passOn(
  incoming: IncomingMessage,
  response: ServerResponse,
  to: {
    connection: Pick<RequestOptions, 'hostname' | 'port' | 'agent' | 'createConnection'>;
    path: string;
    host: string;
    unanswered: string;
  },
): void {
  const { connection, path, host, unanswered } = to;
  const outgoing = request({
    ...connection,
    method: incoming.method ?? 'GET',
    path,
    headers: { ...endToEnd(incoming), host, connection: 'close' },
  });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
    pipeline(answer, response, (error) => error && response.destroy());
  });
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy();
    else answerPlainly(response, 502, unanswered);
  });
  response.on('close', () => outgoing.destroy());
  pipeline(incoming, outgoing, () => undefined);
}

/** A sentence for whoever asked; the connection is not used again. */
export function answerPlainly(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(text);
}

function endToEnd({ headers, headersDistinct }: IncomingMessage): Record<string, string[]> {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  return Object.fromEntries(
    Object.entries(headersDistinct).flatMap(([name, values]) =>
      hopByHop.has(name) || named.has(name) || values === undefined ? [] : [[name, values]],
    ),
  );
}
