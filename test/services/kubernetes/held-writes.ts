import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';
import type { KubeConnection } from '../../../gateway/kube/index.ts';

/** A way to an API server on which a write can be done and not answered: whoever asked hangs there until it is killed. */
export type HeldWrites = {
  url: URL;
  /** Of the writes from now on this one is held: 1 is the next. */
  hold(number: number): void;
  isHeld(): boolean;
  close(): Promise<void>;
};

/** Says in place of whoever asks who they are: client-go shows no token on a way without TLS. */
export async function openHeldWrites(connection: KubeConnection): Promise<HeldWrites> {
  const { server: to, authorization, tls } = await connection.credentials();
  const agent = new Agent({ connect: { ca: tls.ca as string } });
  let left = Infinity;
  let isHeld = false;
  const server = createServer((asked, answer) => {
    pass(asked, answer).catch(() => answer.destroy());
  });

  async function pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = asked;
    const isLast = method !== 'GET' && --left === 0;
    const { host: _host, connection: _connection, 'transfer-encoding': _coding, ...rest } = headers;
    const said = await request(new URL(url, to), {
      ...{ dispatcher: agent, method: method as 'GET', headers: { ...rest, authorization } as never },
      body: method === 'GET' ? null : Buffer.concat(await asked.toArray()),
    });
    if (isLast) {
      await said.body.dump();
      isHeld = true;
      return;
    }
    answer.writeHead(said.statusCode, said.headers as never);
    await pipeline(said.body, answer);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    hold(number) {
      left = number;
      isHeld = false;
    },
    isHeld: () => isHeld,
    async close() {
      server.closeAllConnections();
      server.close();
      await agent.destroy();
    },
  };
}
