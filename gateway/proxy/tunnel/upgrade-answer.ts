import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from '../message/answers.ts';
import type { ForwardHandler } from '../upstream/forwarder.ts';
import { fieldLines } from '../wire/http-fields.ts';
import { clientHeaders } from '../exchange/response-headers.ts';
import type { Target } from '../upstream/upstreams.ts';

/** Writes a refusal on a raw HTTP/1 socket and closes it; whatever the client glued behind is never read (catalogue S13). */
export function refuseUpgrade(socket: Duplex, refusal: Refusal, requestId: string): void {
  if (!socket.writable) return void socket.destroy();
  const { status, code, reason, details, headers } = refusal;
  const body = JSON.stringify({ statusCode: status, code, message: reason, ...(details && { details }), requestId });
  const extra = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
    `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
    `cache-control: no-store\r\nx-content-type-options: nosniff\r\n${extra.join('')}connection: close\r\n\r\n`;
  socket.end(head + body);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** How long a refused client may take to read the answer. */
const lingerMs = 1_000;

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

/** Relays an upstream's own refusal of an upgrade to the client's raw socket, as an answer that ends with its connection. */
export function upgradeRefusal(
  client: Duplex,
  target: Target,
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
      client.write(headText(status, message, clientHeaders(headers, target), 'close'), 'latin1');
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
