import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Refusal, refusalJson } from './answers.ts';

/** Writes a refusal on a raw HTTP/1 socket and closes it; whatever the client glued behind is never read (catalogue S13). */
export function refuseUpgrade(socket: Duplex, refusal: Refusal, requestId: string): void {
  if (!socket.writable) return void socket.destroy();
  const { status, headers } = refusal;
  const body = refusalJson(refusal, requestId);
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
