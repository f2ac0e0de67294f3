import type { Test } from 'tap';
import type { ContractHarbor } from '../../contracts/harbor/harbor.ts';
import { eventually } from '../eventually.ts';
import { caOf, type RunningGateway } from './gateway.ts';
import type { Person } from './person.ts';

/**
 * Puts a registry behind a gateway, waits for the projects of these people and signs the first of them in there; what their programs
 * sign in with. `host`: what they call the registry.
 */
export async function openRegistryTo(
  t: Test,
  {
    gateway,
    server,
    person,
    names,
  }: { gateway: RunningGateway; server: ContractHarbor; person: Person; names: string[] },
): Promise<{ host: string; secret: string }> {
  const host = `harbor.localhost:${gateway.port}`;
  server.setExternalUrl(`https://${host}`);
  server.trust(caOf(gateway));
  await eventually(`projects of ${names.join(', ')}`, () =>
    names.every((owner) => server.state.projects.some(({ name }) => name === owner)),
  );
  t.equal((await person.visit(`https://${host}/c/oidc/login`)).status, 200);
  const { secret } = (await person.api('POST', '/images/cli-secret', {})).json<{ secret: string }>();
  return { host, secret };
}
