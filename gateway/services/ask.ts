import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { atSocket, type Upstream } from '../routes/index.ts';

const patienceMs = 2_000;
/** Of an answer that is read; a program may send for ever. */
const mostBytes = 256 * 1024;

type Answer = { status: number; body: string };

/** Where a program is asked: of a service. */
export type AskedAt = Pick<Upstream, 'hostname' | 'port' | 'socket'>;

/** What a program answers there; undefined when it does not, or not in time. Without `readsBody` its head is all that is waited for. */
export async function askAt(
  at: AskedAt,
  path: string,
  { readsBody }: { readsBody: boolean },
): Promise<Answer | undefined> {
  let socket: Socket;
  try {
    socket = at.socket === undefined ? connect(at.port, at.hostname) : atSocket(at.socket, (held) => connect(held));
  } catch {
    // It does not listen yet.
    return undefined;
  }
  return new Promise((resolve) => {
    const headers = { host: 'localhost', connection: 'close' };
    const asked = request({ path, headers, createConnection: () => socket });
    // Over the whole of it: one that sends a byte now and then is not waited for either.
    const patience = setTimeout(() => asked.destroy(new Error('no answer in time')), patienceMs);
    asked.once('close', () => {
      clearTimeout(patience);
      resolve(undefined);
    });
    asked.once('response', (response) => {
      const status = response.statusCode ?? 500;
      if (!readsBody) {
        response.destroy();
        return resolve({ status, body: '' });
      }
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if ((length += chunk.length) > mostBytes) response.destroy();
      });
      response.once('end', () => resolve({ status, body: Buffer.concat(chunks).toString('utf8') }));
      response.on('error', () => resolve(undefined));
    });
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
