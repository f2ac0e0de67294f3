import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty, until } from './support/relying-party.ts';

/** A tool on the loopback interface that remembers the logout tokens it is sent. */
async function openReceiver(test: Teardown) {
  const received: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push(new URLSearchParams(body).get('logout_token')!);
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.teardown(() => server.close());
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout` };
}

const client = (clientId: string, backchannelLogoutUri: string) => ({
  clientId,
  secret: `${clientId}-secret-0123456789`,
  redirectUris: [`https://${clientId}.example/cb`],
  backchannelLogoutUri,
});

t.test('the end of a session is told to our integrations on private addresses, and to nobody else there', async (t) => {
  const [ours, foreign] = [await openReceiver(t), await openReceiver(t)];
  const house = await openHouse(t, {
    integrationClients: [{ ...client('hub', ours.url), title: 'Hub', postLogoutRedirectUris: [] }],
    configuredClients: [{ ...client('foreign', foreign.url), name: 'Foreign', firstParty: true }],
  });
  const ann = await house.person('ann');
  const browser = house.browser();
  const session = await house.signIn(browser, ann);
  for (const id of ['foreign', 'hub']) {
    const redirectUri = `https://${id}.example/cb`;
    const party = createRelyingParty(house, { id, secret: `${id}-secret-0123456789`, redirectUri });
    t.equal((await party.userinfo((await party.tokens(browser)).access_token!)).status, 200);
  }
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  await until(async () => ours.received.length === 1);
  const jwks = (await (await house.fetch(`${house.issuer}/jwks`)).json()) as JSONWebKeySet;
  const { payload } = await jwtVerify(ours.received[0]!, createLocalJWKSet(jwks), {
    issuer: house.issuer,
    audience: 'hub',
  });
  t.equal(payload.sub, ann.id);
  t.type(payload['sid'], 'string');
  t.ok('http://schemas.openid.net/event/backchannel-logout' in (payload['events'] as object));
  await until(async () => house.warnings.some((message) => /did not accept the back-channel logout/.test(message)));
  t.equal(foreign.received.length, 0);
});
