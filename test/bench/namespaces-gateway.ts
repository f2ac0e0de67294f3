/**
 * A process of its own for `namespaces.ts`: edge and proxy over a real store, with the shipped policies, in front of three routes to one
 * upstream. `node namespaces-gateway.ts UPSTREAM-PORT FACTS-FILE`: what is to be known is written to the file, again when it changes.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argoPaths } from '../../gateway/integrations/argo/paths.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy } from '../../gateway/policy/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { openGateway } from '../proxy/fixture.ts';

/** `asked`: how often the gateway was asked for credentials. */
export type Facts = { port: number; cookies: Record<string, string>; asked: number };

/** `plain`: no namespaces; `spaced`: those of Argo's addresses; `told`: those, and a credential of the gateway with each request. */
export const routeNames = ['plain', 'spaced', 'told'] as const;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const [upstreamPort, file] = process.argv.slice(2) as [string, string];
  const policy = await createPolicy({
    folder: join(import.meta.dirname, '../../policies'),
    recordReload: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  const facts: Facts = { port: 0, cookies: {}, asked: 0 };
  const tell = (): void => {
    writeFileSync(`${file}.new`, JSON.stringify(facts));
    renameSync(`${file}.new`, file);
  };
  const upstream = parseUpstream(`http://127.0.0.1:${upstreamPort}`, { allowLoopback: true });
  const gateway = await openGateway({ teardown: () => undefined } as never, {
    decide: policy.decide,
    credentialsOf: ({ name }) =>
      name !== 'told'
        ? undefined
        : async () => {
            facts.asked += 1;
            tell();
            // As long as a token of the cluster.
            return ['authorization', `Bearer ${'t'.repeat(900)}`];
          },
  });
  await gateway.setRoutes(
    ...routeNames.map((name) => ({
      ...gateway.echo,
      ...{ name, host: `${name}.localhost`, title: name, upstream },
      ...(name !== 'plain' && { namespaces: argoPaths('knot-') }),
    })),
  );
  facts.port = gateway.port;
  for (const name of routeNames) facts.cookies[name] = (await gateway.signIn(`${name}.localhost`)).cookie;
  tell();
}
