import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openPeople, type People } from './people.ts';

/** Tools that are behind the gateway of `openToolsAway`, by name. */
export const toolsAway = ['jupyterhub', 'harbor', 'grafana', 'gitea', 'headlamp', 'opencost', 'dask'];

/** A gateway with people, all of whose tools take every request and never answer. `asked`: how often they were sent something. */
export async function openToolsAway(
  t: Pick<Test, 'teardown'>,
  others: readonly string[] = [],
): Promise<People & { asked(): number }> {
  const sockets = new Set<Socket>();
  let asked = 0;
  const hanging = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => (asked += 1)).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(hanging, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'knot-away-'));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    hanging.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const upstream = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
  writeFileSync(join(folder, 'secret'), 'Administrator-of-the-tools-1');
  const secret = { fromFile: join(folder, 'secret') };
  const people = await openPeople(t, {
    others,
    config: {
      integrations: {
        jupyterhub: { mode: 'external', upstream },
        harbor: { upstream, admin: secret },
        grafana: { upstream, admin: { password: secret } },
        prometheus: { upstream },
      },
      apps: [
        { name: 'gitea', kind: 'oidc', redirectPaths: ['/callback'], upstream },
        { name: 'headlamp', kind: 'token', token: secret, upstream },
        { name: 'opencost', kind: 'header', upstream },
        { name: 'dask', kind: 'jwt', upstream },
      ],
    },
  });
  return { ...people, asked: () => asked };
}
