import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from './answers.ts';

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
  headers: readonly (string | string[])[],
  connection: string,
): string {
  let text = `HTTP/1.1 ${status} ${message ?? STATUS_CODES[status] ?? ''}\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1]!;
    for (const line of typeof value === 'string' ? [value] : value) text += `${String(headers[index])}: ${line}\r\n`;
  }
  return `${text}connection: ${connection}\r\n\r\n`;
}
