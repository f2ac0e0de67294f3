import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import type { OidcOptions } from '../../gateway/oidc/index.ts';
import { type House, openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';
import { eventually } from '../support/eventually.ts';

/** A tool on the loopback interface that remembers the logout tokens it is sent. */
async function openReceiver(test: Teardown, answers: number[] = []) {
  const received: string[] = [];
  const paths: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      paths.push(request.url!);
      received.push(new URLSearchParams(body).get('logout_token')!);
      const status = answers.shift() ?? 200;
      if (status === 0) return void request.socket.destroy();
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('x'.repeat(100_000));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, paths, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout` };
}

const client = (clientId: string, backchannelLogoutUri: string) => ({
  clientId,
  name: clientId,
  firstParty: true,
  secret: `${clientId}-secret-0123456789`,
  redirectUris: [`https://${clientId}.example/cb`],
  backchannelLogoutUri,
});

const outcomes = async (house: House) =>
  (await house.audit.list({ action: 'client.logout-told' })).map(({ subject, outcome, detail }) => ({
    subject,
    outcome,
    ...detail,
  }));

async function openSignedIn(test: Teardown, changes: Partial<OidcOptions>, ids: string[]) {
  const house = await openHouse(test, changes);
  const ann = await house.person('ann');
  const browser = house.browser();
  const session = await house.signIn(browser, ann);
  const parties = ids.map((id) =>
    createRelyingParty(house, { id, secret: `${id}-secret-0123456789`, redirectUri: `https://${id}.example/cb` }),
  );
  for (const party of parties) await party.tokens(browser);
  const end = () => house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  return { house, ann, browser, session, party: parties[0]!, end };
}

t.test('the end of a session is told to the registered address of each client, private or not', async (t) => {
  const [tool, app] = [await openReceiver(t), await openReceiver(t)];
  const { house, ann, end } = await openSignedIn(
    t,
    {
      integrationClients: [{ ...client('hub', tool.url), title: 'Hub', postLogoutRedirectUris: [] }],
      configuredClients: [client('app', `${app.url}?tenant=7`)],
    },
    ['hub', 'app'],
  );
  await end();
  await eventually('both are told', async () => tool.received.length === 1 && app.received.length === 1);
  const jwks = (await (await house.fetch(`${house.issuer}/jwks`)).json()) as JSONWebKeySet;
  const { payload } = await jwtVerify(tool.received[0]!, createLocalJWKSet(jwks), {
    issuer: house.issuer,
    audience: 'hub',
    typ: 'logout+jwt',
  });
  t.equal(payload.sub, ann.id);
  t.type(payload['sid'], 'string');
  t.ok('http://schemas.openid.net/event/backchannel-logout' in (payload['events'] as object));
  t.same(app.paths, ['/logout?tenant=7']);
  await eventually('two outcomes are recorded', async () => (await outcomes(house)).length === 2);
  t.same(
    (await outcomes(house)).sort((one, other) => one.subject.localeCompare(other.subject)),
    ['app', 'hub'].map((id) => ({ subject: `client:${id}`, outcome: 'done', user: 'ann', attempts: 1 })),
  );
});

t.test('the sid that is told is the one of the ID token', async (t) => {
  const app = await openReceiver(t);
  const { browser, party, end } = await openSignedIn(t, { configuredClients: [client('app', app.url)] }, ['app']);
  const { id_token } = await party.tokens(browser);
  await end();
  await eventually('the application is told', async () => app.received.length === 1);
  t.equal(decodeJwt(app.received[0]!)['sid'], decodeJwt(id_token!)['sid']);
});

t.test('whoever ends the session, the client hears it once', async (t) => {
  const app = await openReceiver(t);
  const ways: [string, (parts: Awaited<ReturnType<typeof openSignedIn>>) => Promise<unknown>][] = [
    ['the person confirms the page', confirm],
    [
      'a first-party client shows its ID token',
      async ({ house, browser, party }) => {
        const { id_token } = await party.tokens(browser);
        return await browser.request(`${house.issuer}/session/end?id_token_hint=${id_token!}`);
      },
    ],
    [
      'an admin disables the account',
      ({ house, ann }) => house.accounts.setState(ann.id, 'disabled', { name: 'test' }),
    ],
    ['the account is deleted', ({ house, ann }) => house.accounts.deleteUser(ann.id, { name: 'test' })],
    [
      'somebody else signs in in this browser',
      async ({ house, browser, party }) => {
        await house.signIn(browser, await house.person('ben'));
        await party.authorize(browser, { prompt: 'none' });
      },
    ],
  ];
  for (const [name, act] of ways) {
    const before = app.received.length;
    const parts = await openSignedIn(t, { configuredClients: [client('app', app.url)] }, ['app']);
    await act(parts);
    await eventually('it is told again', async () => app.received.length > before);
    await eventually('an outcome is recorded', async () => (await outcomes(parts.house)).length > 0);
    await parts.house.oidc.deliverNotices();
    t.equal(app.received.length, before + 1, name);
  }
});

async function confirm({ house, browser }: Awaited<ReturnType<typeof openSignedIn>>) {
  const page = await browser.request(`${house.issuer}/session/end`);
  const xsrf = /name="xsrf" value="([\w-]+)"/.exec(page.text)![1]!;
  return await browser.request(`${house.issuer}/session/end/confirm`, { form: { xsrf, logout: 'yes' } });
}

t.test('a client that fails is asked again with growing pauses, also after a restart, and not for ever', async (t) => {
  const app = await openReceiver(t, [500, 0, 302, 404]);
  let ahead = 0;
  const { house, end } = await openSignedIn(
    t,
    { configuredClients: [client('app', app.url)], clock: { now: () => Date.now() + ahead } },
    ['app'],
  );
  await end();
  await eventually('the application is told', async () => app.received.length === 1);
  const settled = async (attempts: number) =>
    await eventually('the notice is tried again or given up', async () => {
      const row = await house.store.db.selectFrom('oidc_logout_notices').selectAll().executeTakeFirst();
      return row === undefined || (row.attempts === attempts && row.due_at > house.clock.now());
    });
  await settled(1);
  await house.oidc.deliverNotices();
  t.equal(app.received.length, 1, 'not at once');
  await house.oidc.close();
  const again = await house.restart();
  t.teardown(() => again.close());
  for (const [attempts, pauseMs] of [
    [2, 6_000],
    [3, 31_000],
    [4, 121_000],
  ] as const) {
    ahead += pauseMs;
    await again.deliverNotices();
    await settled(attempts);
    t.equal(app.received.length, attempts);
  }
  t.same(new Set(app.paths), new Set(['/logout']), 'no redirect is followed');
  t.same(await outcomes(house), []);
  ahead += 601_000;
  await again.deliverNotices();
  t.match(await outcomes(house), [{ subject: 'client:app', outcome: 'done', attempts: 5 }]);
  const tokens = app.received.map((token) => decodeJwt(token));
  t.equal(new Set(tokens.map(({ jti }) => jti)).size, 5, 'each attempt with a token of its own');
});

t.test('what nobody takes within the attempts is given up and audited', async (t) => {
  const app = await openReceiver(
    t,
    Array.from({ length: 20 }, () => 503),
  );
  let ahead = 0;
  const { house, end } = await openSignedIn(
    t,
    { configuredClients: [client('app', app.url)], clock: { now: () => Date.now() + ahead } },
    ['app'],
  );
  await end();
  await eventually('the application is told', async () => app.received.length === 1);
  for (let round = 0; round < 12; round++) {
    ahead += 2 * 3600_000;
    await house.oidc.deliverNotices();
  }
  await eventually('one outcome is recorded', async () => (await outcomes(house)).length === 1);
  t.match(await outcomes(house), [{ subject: 'client:app', outcome: 'refused', user: 'ann', attempts: 6 }]);
  t.equal(app.received.length, 6);
  t.same(await house.store.db.selectFrom('oidc_logout_notices').selectAll().execute(), []);
});

t.test('a sign-out waits for no client', async (t) => {
  const hanging = createServer(() => undefined);
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    hanging.closeAllConnections();
    hanging.close();
  });
  const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/`;
  const parts = await openSignedIn(t, { configuredClients: [client('slow', url)] }, ['slow']);
  let [isAsked, isGivenUp] = [false, false];
  hanging.on('request', (request) => {
    isAsked = true;
    request.on('close', () => (isGivenUp = true));
  });
  const page = await confirm(parts);
  t.equal(page.status, 303);
  t.notOk(isGivenUp, 'answered while the client is silent');
  await eventually('isAsked', async () => isAsked);
  t.same(await outcomes(parts.house), []);
});

t.test('a client that was removed, or took its address back, is not told', async (t) => {
  const app = await openReceiver(t, [500]);
  let ahead = 0;
  const { house, end } = await openSignedIn(
    t,
    { configuredClients: [client('app', app.url)], clock: { now: () => Date.now() + ahead } },
    ['app'],
  );
  await end();
  await eventually('the application is told', async () => app.received.length === 1);
  await house.oidc.clients.reconcile('config', []);
  ahead = 10_000;
  await eventually('no notice is left', async () => {
    await house.oidc.deliverNotices();
    return (await house.store.db.selectFrom('oidc_logout_notices').selectAll().execute()).length === 0;
  });
  t.equal(app.received.length, 1);
  t.same(await outcomes(house), []);
});
