import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ForwardHandler } from '../upstream/forwarder.ts';
import { fieldLines } from '../wire/http-fields.ts';
import { clientHeaders } from '../exchange/response-headers.ts';
import type { Target } from '../upstream/upstreams.ts';

/** The head of an answer that is relayed. The parser that read these values accepts no CR, LF or NUL in them. */
export function headText(
  status: number,
  message: string | undefined,
  headers: readonly string[],
  connection: string,
): string {
  const line = `HTTP/1.1 ${status} ${message ?? STATUS_CODES[status] ?? ''}\r\n`;
  return `${line}${fieldLines(headers)}connection: ${connection}\r\n\r\n`;
}

/**
 * Relays an upstream's own refusal of an upgrade to the client's raw socket, as an answer that ends with its connection. `cookie`: of the
 * request.
 */
export function upgradeRefusal(
  client: Duplex,
  target: Target,
  cookie: string | undefined,
  events: { onHead(status: number): void; onBytes(count: number): void; onError(error: Error): void },
): ForwardHandler {
  let hasBegun = false;
  return {
    onRequestStart(control) {
      client.on('drain', () => control.resume());
      client.resume();
    },
    onBodySent: () => undefined,
    onResponseStarted: () => undefined,
    onHeadAlone: () => undefined,
    onResponseStart(_control, status, headers, message) {
      if (status < 200) return;
      hasBegun = true;
      events.onHead(status);
      client.write(headText(status, message, clientHeaders(headers, target, cookie), 'close'), 'latin1');
    },
    onResponseData(control, chunk) {
      events.onBytes(chunk.length);
      if (!client.write(Buffer.from(chunk))) control.pause();
    },
    onResponseEnd: () => void client.end(),
    onResponseAlone: () => void client.end(),
    onResponseError(_control, error) {
      if (hasBegun) client.destroy();
      else events.onError(error);
    },
  };
}
