import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { knotError } from '../../lib/index.ts';
import { type ChildSpec, systemEnvironment } from '../../process/index.ts';
import type { HubPorts } from './hub-config.ts';

/**
 * Three free ports on loopback, the `wanted` ones if they are all free. Below the range the kernel hands out for outgoing connections, so that none of them is taken
 * by chance while a child restarts.
 * @throws KNOT_INTEGRATIONS_NO_PORT
 */
export async function choosePorts(wanted?: HubPorts): Promise<HubPorts> {
  if (wanted && (await Promise.all(Object.values(wanted).map(isFree))).every(Boolean)) return wanted;
  const chosen = new Set<number>();
  for (let attempt = 0; attempt < 200 && chosen.size < 3; attempt++) {
    const port = randomInt(20_000, 32_000);
    if (!chosen.has(port) && (await isFree(port))) chosen.add(port);
  }
  const [first, hub, api] = [...chosen];
  if (first === undefined || hub === undefined || api === undefined) {
    throw knotError('KNOT_INTEGRATIONS_NO_PORT', 500, 'No free port was found on 127.0.0.1 between 20000 and 32000.', {
      remedy: 'Look for a program that holds thousands of ports open, and end it.',
    });
  }
  return { public: first, hub, api };
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.on('error', () => resolve(false));
  server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}

/** True when an address on loopback answers 200. */
function answers(url: string, headers: Record<string, string> = {}): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get(url, { headers, timeout: 3000, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.once('timeout', () => request.destroy());
  request.on('error', () => resolve(false));
  return promise;
}

/** configurable-http-proxy from our own dependencies, run by our own Node. */
export function proxyChild(facts: { ports: HubPorts; authToken: string; cwd: string }): ChildSpec {
  const { ports } = facts;
  const packageFile = createRequire(import.meta.url).resolve('configurable-http-proxy/package.json');
  const hub = `http://127.0.0.1:${ports.hub}`;
  return {
    name: 'jupyterhub-proxy',
    command: process.execPath,
    args: [
      join(dirname(packageFile), 'bin/configurable-http-proxy'),
      ...[
        '--ip',
        '127.0.0.1',
        '--port',
        String(ports.public),
        '--api-ip',
        '127.0.0.1',
        '--api-port',
        String(ports.api),
      ],
      ...['--default-target', hub, '--error-target', `${hub}/hub/error`],
      // It would append `http` to X-Forwarded-Proto, and the hub reads the last value.
      '--no-x-forward',
      // Longer than the gateway keeps idle connections, so that it never sends on one that is just being closed.
      ...['--keep-alive-timeout', '75000', '--log-level', 'warn'],
    ],
    env: { ...systemEnvironment(), CONFIGPROXY_AUTH_TOKEN: facts.authToken },
    cwd: facts.cwd,
    isReady: () => answers(`http://127.0.0.1:${ports.api}/api/routes`, { authorization: `token ${facts.authToken}` }),
  };
}

export function hubChild(facts: {
  ports: HubPorts;
  authToken: string;
  cwd: string;
  python: string;
  venvFolder: string;
  configFile: string;
  /** Names this run of the gateway: see `KnotSpawner` in hub-config.ts. */
  run: string;
}): ChildSpec {
  const environment = systemEnvironment();
  return {
    name: 'jupyterhub',
    command: facts.python,
    // Isolated: no Python setting of the gateway's environment, no module from the working folder. Unbuffered, for the log.
    args: ['-I', '-u', '-W', 'ignore', '-m', 'jupyterhub', '--config', facts.configFile],
    env: {
      ...environment,
      PATH: `${join(facts.venvFolder, 'bin')}:${environment['PATH'] ?? '/usr/bin:/bin'}`,
      CONFIGPROXY_AUTH_TOKEN: facts.authToken,
      KNOT_RUN: facts.run,
    },
    cwd: facts.cwd,
    isReady: async () =>
      // Asked directly first: its proxy would log an error for each question that comes too early.
      (await answers(`http://127.0.0.1:${facts.ports.hub}/hub/health`)) &&
      (await answers(`http://127.0.0.1:${facts.ports.public}/hub/health`)),
    readyTimeoutMs: 120_000,
    // The id stands on the page that somebody got instead of what they asked for (hub-pages.ts).
    isForOperators: (line) => /\] Request [0-9a-f]{12}: /.test(line),
    // Notebook servers outlive a crash of the hub; the next hub finds them in its database.
    keepsDescendantsOnRestart: true,
  };
}
