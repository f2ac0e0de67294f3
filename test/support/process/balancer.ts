import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';
import type { RunningGateway } from './gateway.ts';

/** One address in front of several gateways, as a Service of a cluster is. */
export type Balancer = {
  port: number;
  /** These stand behind it from now on; who of them gets a new connection follows from who says that it is ready. Resolves when all of them do. */
  behind(...gateways: Backend[]): Promise<void>;
  /** New connections go to this one alone; to all again without. */
  only(gateway?: Backend): void;
};

export type Backend = Pick<RunningGateway, 'port' | 'ops'>;

/** How often each is asked; a cluster asks every 3 s (charts/knot, `readinessProbe`). */
const askMs = 100;

/**
 * New connections go in turns to those that answer `/readyz` with 200; what is open stays where it is, whoever is ready. `port`: which
 * port of a gateway is meant; where it is not that of people, nobody is asked whether they are ready, and who refuses is passed over.
 */
export async function startBalancer(
  t: Pick<Test, 'teardown'>,
  { portOf }: { portOf?(gateway: Backend): number } = {},
): Promise<Balancer> {
  let gateways: readonly Backend[] = [];
  let ready: readonly Backend[] = [];
  let chosen: Backend | undefined;
  let turn = 0;
  const sockets = new Set<Socket>();

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  }

  function lead(client: Socket, triesLeft: number): void {
    const from = chosen === undefined ? ready : [chosen];
    const backend = from[turn++ % from.length];
    if (backend === undefined || triesLeft === 0) return void client.destroy();
    const upstream = connect((portOf ?? (({ port }) => port))(backend), '127.0.0.1');
    keep(upstream);
    upstream.once('connect', () => {
      client.pipe(upstream).pipe(client);
      client.once('close', () => upstream.destroy());
      upstream.once('close', () => client.destroy());
    });
    upstream.once('error', () =>
      upstream.connecting || upstream.bytesRead === 0 ? lead(client, triesLeft - 1) : undefined,
    );
  }

  const server = createServer((client) => {
    keep(client);
    lead(client, portOf === undefined ? 1 : gateways.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function look(): Promise<void> {
    if (portOf !== undefined) return void (ready = gateways);
    const asked = gateways;
    const answers = await Promise.all(asked.map(isReady));
    // Who does not answer in time stays as it was: this machine may be busy.
    const now = asked.filter((one, index) => answers[index] ?? ready.includes(one));
    if (asked === gateways) ready = now;
  }
  const looking = setInterval(() => void look(), askMs);
  t.teardown(async () => {
    clearInterval(looking);
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  return {
    port: (server.address() as AddressInfo).port,
    async behind(...others) {
      gateways = others;
      ready = ready.filter((one) => others.includes(one));
      const end = performance.now() + 30_000;
      for (await look(); ready.length < others.length; await look())
        if (performance.now() > end) throw new Error('not all of the gateways are ready');
    },
    only: (gateway) => void (chosen = gateway),
  };
}

/** Undefined while it says nothing. */
function isReady({ ops }: Backend): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const asked = request(`${ops}/readyz`, { agent: false, timeout: 3000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked
      .on('error', () => resolve(false))
      .on('timeout', () => {
        resolve(undefined);
        asked.destroy();
      });
    asked.end();
  });
}
