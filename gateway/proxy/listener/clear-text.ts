import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { escapeHtml } from '../../lib/index.ts';

/** What OpenSSL calls the first bytes of a connection that are no TLS; only such a connection costs anything here. */
const clearTextCodes = new Set(['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_HTTPS_PROXY_REQUEST', 'ERR_SSL_WRONG_VERSION_NUMBER']);

export function isClearText(error: Error): boolean {
  return 'code' in error && clearTextCodes.has(error.code as string);
}

/**
 * Tells whoever speaks plain HTTP on the port of https where to go, instead of closing without a byte. `origin` is the configured one: a
 * Host that came in clear text is nobody's word.
 */
export function answerClearText(socket: TLSSocket, origin: string): void {
  const address = escapeHtml(`${origin}/`);
  const body = `<!doctype html><title>https only</title><p>This port speaks https: <a href="${address}">${address}</a>\n`;
  writeBeforeTls(
    socket,
    `HTTP/1.1 400 Bad Request\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      "content-security-policy: default-src 'none'\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n" +
      `connection: close\r\n\r\n${body}`,
  );
}

/** A fatal TLS alert in answer to a ClientHello, when nothing is encrypted yet (RFC 8446 sections 5.1 and 6). */
export function sendAlert(socket: TLSSocket, description: number): void {
  writeBeforeTls(socket, Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, description]));
}

/**
 * Writes below TLS, on a connection on which nothing was written yet and that is about to be destroyed: what the kernel takes at once still
 * leaves. Node keeps the socket below in a field without a public name; without it the connection just ends.
 */
function writeBeforeTls(socket: TLSSocket, bytes: string | Buffer): void {
  const { _parent: below } = socket as { _parent?: Socket | null };
  if (!below || below.destroyed || below.bytesWritten > 0) return;
  below.write(bytes);
}
