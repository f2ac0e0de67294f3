import type { IncomingHttpHeaders } from 'node:http';
import type { Pool } from 'undici';
import { timeLimit } from '../lib/index.ts';
import { type Upstream, upstreamAddress } from '../routes/index.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The whole of what a tool answered. */
export type Sent = { status: number; headers: IncomingHttpHeaders; bytes: Buffer; readonly text: string };

export type Connection = {
  /**
   * `body` goes as JSON. No cookie is kept and no redirect followed.
   * @throws what undici throws, also where an answer is late or too long
   */
  send(method: Method, path: string, options: { headers: Record<string, string>; body?: unknown }): Promise<Sent>;
  close(): Promise<void>;
};

/** Connections to where a tool listens. `timeoutMs` is of one answer, `mostBytes` the length of its body. */
export function connect({
  upstream,
  timeoutMs,
  mostBytes,
}: {
  upstream: Upstream;
  timeoutMs: number;
  mostBytes: number;
}): Connection {
  // Loaded when first asked: a command that only prints settings asks nobody.
  let pool: Promise<Pool> | undefined;
  async function makePool(): Promise<Pool> {
    const { Pool } = await import('undici');
    return new Pool(upstreamAddress(upstream), {
      connections: 8,
      connect: { timeout: 5_000, ...(upstream.ca !== undefined && { ca: upstream.ca }) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: mostBytes,
    });
  }
  return {
    async send(method, path, { headers, body }) {
      const connections = await (pool ??= makePool());
      const limit = timeLimit(timeoutMs);
      try {
        const answer = await connections.request({
          method,
          path,
          signal: limit.signal,
          headers: {
            accept: 'application/json',
            ...headers,
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const bytes = Buffer.from(await answer.body.arrayBuffer());
        return {
          ...{ status: answer.statusCode, headers: answer.headers, bytes },
          get text() {
            return new TextDecoder().decode(bytes);
          },
        };
      } finally {
        limit.end();
      }
    },
    async close() {
      await (await pool?.catch(() => undefined))?.destroy();
    },
  };
}
