import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import t, { type Test } from 'tap';
import { createSigningKeys } from '../../gateway/keys/index.ts';
import { createManualClock, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createRoutes } from '../../gateway/routes/index.ts';
import { openStore, type Store } from '../../gateway/store/index.ts';
import { type Echo, startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningGateway } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

/** What ends a right ends what is open by it: each line of `app/rights.ts`, on a whole gateway. */

type House = { gateway: RunningGateway; echo: Echo; ann: Person; origin: string; store: Store };

/** A gateway with one application and ann signed in; `store` is another process's view of the same database. */
async function openHouse(t: Test): Promise<House> {
  const echo = await startEcho();
  t.teardown(() => echo.close());
  const { gateway, ann, atEnd } = await openPeople(t, {
    config: { apps: [{ name: 'echo', upstream: echo.address }] },
  });
  const store = await openStore({
    url: `sqlite:${join(gateway.data, 'knot.db')}`,
    clock: systemClock,
    log: silentLog,
  });
  atEnd(() => store.close());
  const origin = `https://echo.localhost:${gateway.port}`;
  await ann.visit(`${origin}/`);
  return { gateway, echo, ann, origin, store };
}

/** An open WebSocket of ann, and whether it has ended. */
async function openSocket({ ann, origin }: House) {
  const socket = ann.socket(`${origin.replace('https', 'wss')}/socket`, { headers: { origin } });
  await once(socket, 'open');
  let hasEnded = false;
  socket.on('close', () => (hasEnded = true));
  socket.on('error', () => (hasEnded = true));
  return { hasEnded: () => hasEnded };
}

const cutLine = /a stream was cut|stream\.cut|no longer allowed/;

t.test('a policy that takes a right away cuts the stream that is open by it', async (t) => {
  const house = await openHouse(t);
  const socket = await openSocket(house);
  writeFileSync(
    join(house.gateway.policies, 'closed.cedar'),
    '@id("closed") forbid (principal, action, resource) when { resource has name && resource.name == "echo" };\n',
  );
  await eventually('the socket ended', socket.hasEnded);
  t.match(await house.gateway.line(cutLine), /echo\.localhost/);
  const recorded = async () =>
    (await house.ann.api('GET', '/audit?action=policy.loaded')).json<{ records: object[] }>();
  await eventually('the ledger says what came into force', async () => (await recorded()).records.length > 0);
});

t.test('who leaves a team loses what is open by it, and stays signed in', async (t) => {
  const house = await openHouse(t);
  const { ann, gateway } = house;
  const { id } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  const { user } = (await ann.api('GET', '/me')).json<{ user: { id: string } }>();
  const membership = `/teams/${id}/members/${user.id}`;
  t.equal((await ann.api('PUT', membership, { role: 'member' })).status, 200);
  writeFileSync(
    join(gateway.policies, 'closed.cedar'),
    '@id("closed") forbid (principal, action, resource) when { resource has name && resource.name == "echo" } unless { principal in Team::"physics" };\n',
  );
  const loads = (): number => gateway.output().split('policies loaded').length - 1;
  await eventually('the rule is in force', () => loads() === 2);
  const socket = await openSocket(house);
  t.equal((await ann.api('DELETE', membership)).status, 200);
  await eventually('the socket ended', socket.hasEnded);
  t.equal((await ann.api('GET', '/me')).status, 200);
});

t.test('a route that is taken away by another process takes its streams with it', async (t) => {
  const house = await openHouse(t);
  const socket = await openSocket(house);
  const routes = await createRoutes({ store: house.store, clock: systemClock, log: silentLog });
  await routes.replace('app', []);
  await eventually('the socket ended', socket.hasEnded);
});

t.test('connections to an application end with its route, and those of others stay', async (t) => {
  const house = await openHouse(t);
  const routes = await createRoutes({ store: house.store, clock: systemClock, log: silentLog });
  const socket = await openSocket(house);
  const spare = await startEcho();
  t.teardown(() => spare.close());
  const origin = `https://spare.localhost:${house.gateway.port}`;
  const echo = routes.find('echo.localhost')!;
  const route = { ...echo, name: 'spare', host: 'spare.localhost', upstream: { ...echo.upstream, port: spare.port } };
  await routes.put(route);
  // Until it is, the name itself is refused (TLS alert `unrecognized_name`).
  const isThere = () =>
    house.ann.visit(`${origin}/`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await eventually('the route is there', isThere);
  t.ok((await spare.connections()) > 0, 'kept for the next request');
  await routes.remove('spare.localhost');
  await eventually('nothing is connected any more', async () => (await spare.connections()) === 0);
  t.notOk(socket.hasEnded(), 'the other application goes on');
});

t.test('a gateway that stood still while changes were removed judges everything that is open anew', async (t) => {
  const house = await openHouse(t);
  const socket = await openSocket(house);
  const clock = createManualClock(Date.now());
  const other = await openStore({ url: `sqlite:${join(house.gateway.data, 'knot.db')}`, clock, log: silentLog });
  t.teardown(() => other.close());
  process.kill(house.gateway.pid, 'SIGSTOP');
  try {
    // Of all that happened meanwhile nothing is left to be read.
    await other.db.deleteFrom('sessions').execute();
    await other.transaction(async (transaction) => {
      for (let n = 0; n < 4_000; n++) transaction.announce({ topic: 'links', key: `link ${n}` });
    });
    await eventually('the changes are removed', async () => {
      clock.advance(60_000);
      return (await other.db.selectFrom('changes').select('id').execute()).length <= 2_000;
    });
  } finally {
    process.kill(house.gateway.pid, 'SIGCONT');
  }
  await eventually('the socket ended', socket.hasEnded);
  t.match(await house.gateway.line(/changes were removed before they were read/), /read anew/);
});

t.test('what upstreams are told about a person changes with the person', async (t) => {
  const house = await openHouse(t);
  const shown = async (): Promise<unknown> => {
    await house.ann.visit(`${house.origin}/`);
    const { headers } = house.echo.received.at(-1)!;
    t.equal(decodeJwt(headers['x-knot-assertion'] as string)['email'], headers['x-knot-email']);
    return headers['x-knot-email'];
  };
  t.equal(await shown(), 'ann@example.org');
  const { user } = (await house.ann.api('GET', '/me')).json<{ user: { id: string } }>();
  const answer = await house.ann.api('PATCH', `/users/${user.id}`, { email: 'ann@new.example.org' });
  t.equal(answer.status, 200, answer.text);
  t.equal(await shown(), 'ann@new.example.org', 'with the next request, although the assertion was kept');
});

t.test('after a rotation of the signing keys no upstream is shown a token of the old ones', async (t) => {
  const house = await openHouse(t);
  const keys = await createSigningKeys({
    store: house.store,
    clock: systemClock,
    rotationDays: 90,
    log: silentLog,
  });
  t.teardown(() => keys.close());
  const shownKey = async (): Promise<string | undefined> => {
    await house.ann.visit(`${house.origin}/`);
    const token = house.echo.received.at(-1)!.headers['x-knot-assertion'] as string;
    t.equal(decodeJwt(token)['preferred_username'], 'ann');
    return decodeProtectedHeader(token).kid;
  };
  const before = await shownKey();
  t.equal(await shownKey(), before, 'the assertion is kept while the keys stay');
  await keys.rotate(0);
  // Well before an assertion that is kept ends by itself, after a minute.
  await eventually('another key signs', async () => (await shownKey()) !== before, 20_000);
});
