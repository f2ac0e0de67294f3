import t from 'tap';
import { newTokenSecret } from '../../gateway/tokens/secret.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { eventually } from '../support/eventually.ts';
import { openHouse } from './house.ts';

/** Personal tokens at a real gateway: where they are taken, where they may not stand, what becomes of one that is dead. */
const house = await openHouse(t);
const { gateway, recorder, raw, host, ann } = house;

async function make(...scopes: string[]): Promise<{ secret: string; id: string }> {
  const answer = await ann.api('POST', '/tokens', { name: 'ci', scopes });
  const { secret, token } = answer.json<{ secret: string; token: { id: string } }>();
  return { secret, id: token.id };
}
const ask = (target: string, more: string, method = 'GET') =>
  sendRaw(
    raw,
    `${method} ${target} HTTP/1.1\r\nHost: localhost:${gateway.port}\r\n${more}Content-Length: 0\r\nConnection: close\r\n\r\n`,
  );
const bearer = (secret: string) => `Authorization: Bearer ${secret}\r\n`;

t.test('R11 a token is taken where it belongs and nowhere else, and no log keeps it', async (t) => {
  const { secret } = await make('account:read');
  t.equal((await ask('/api/v1/me', bearer(secret))).status, 200, 'neighbour: as Authorization');
  for (const [target, status, code] of [
    [`/api/v1/me?access_token=${secret}`, 400, /KNOT_API_TOKEN_IN_ADDRESS/],
    [`/api/v1/me?x=1&token=${secret}`, 400, /KNOT_API_TOKEN_IN_ADDRESS/],
    [`/api/v1/me/${secret}`, 404, /NOT_FOUND/],
    [`/${secret}?x`, 404, /NOT_FOUND/],
  ] as const) {
    const answer = await ask(target, bearer(secret));
    t.equal(answer.status, status, target.replace(secret, 'SECRET'));
    t.match(answer.body, code);
    t.notOk(answer.bytes.includes(secret), 'it is not repeated');
  }
  for (const more of [
    `Cookie: __Host-knot=${secret}\r\n`,
    `X-Api-Key: ${secret}\r\n`,
    `Authorization: Basic ${Buffer.from(`ann:${secret}`).toString('base64')}\r\n`,
    `Authorization: Bearer\r\n`,
    `Authorization: Bearer ${secret} ${secret}\r\n`,
    `Authorization: Bearer ${secret}, Bearer ${secret}\r\n`,
    `${bearer(secret)}${bearer(newTokenSecret())}`,
    `Proxy-Authorization: Bearer ${secret}\r\n`,
  ]) {
    const answer = await ask('/api/v1/me', more);
    t.ok(
      answer.status === 401 || answer.status === 400,
      `${more.replaceAll(secret, 'SECRET').trim()}: ${answer.status}`,
    );
  }
  t.equal((await ask('/api/v1/users', bearer(secret))).status, 403, 'a scope is kept');
  t.equal((await ask('/login', bearer(secret))).status, 200, 'pages take no notice of it');
  const service = await sendRaw(raw, `GET /x HTTP/1.1\r\nHost: ${host}\r\n${bearer(secret)}Connection: close\r\n\r\n`);
  t.equal(service.status, 401, 'a tool is not entered with it');
  t.notOk(recorder.requests.some(({ target }) => target === '/x'));
  await eventually('the lines are written', async () => house.lines().some(({ path }) => path === '/login'));
  t.notOk(gateway.output().includes(secret), 'no log keeps it');
  const audit = await ann.api('GET', '/audit');
  t.notOk(audit.text.includes(secret), 'nor the audit record');
});

t.test('R12 a token is dead at once when another process removes it, and with its person', async (t) => {
  const { secret, id } = await make('account:read');
  t.equal((await ask('/api/v1/me', bearer(secret))).status, 200);
  const removed = await gateway.knot(['token', 'remove', id, '--as', 'ann']);
  t.equal(removed.status, 0, removed.stderr);
  await eventually('it is dead', async () => (await ask('/api/v1/me', bearer(secret))).status === 401);

  const add = ['user', 'add', 'bob', '--email', 'bob@example.org', '--password-file', '-'];
  t.equal((await gateway.knot(add, 'correct-horse-staple-7')).status, 0);
  const made = await gateway.knot(['token', 'add', 'ci', '--as', 'bob', '--scope', 'account:read', '--json']);
  const ofBob = (JSON.parse(made.stdout) as { secret: string }).secret;
  t.equal((await ask('/api/v1/me', bearer(ofBob))).status, 200);
  t.equal((await gateway.knot(['user', 'disable', 'bob'])).status, 0);
  const isDead = async () => (await ask('/api/v1/me', bearer(ofBob))).status === 401;
  await eventually('it ends with the account', isDead);
});

t.test('R13 inventing tokens is slowed down, and real ones work meanwhile', async (t) => {
  const { secret } = await make('account:read');
  t.equal((await ask('/api/v1/me', bearer(secret))).status, 200);
  const statuses: number[] = [];
  for (let round = 0; round < 40; round += 1) statuses.push((await ask('/api/v1/me', bearer(newTokenSecret()))).status);
  t.ok(statuses.every((status) => status === 401 || status === 429));
  t.ok(statuses.filter((status) => status === 429).length >= 15, statuses.join(' '));
  t.equal((await ask('/api/v1/me', bearer(secret))).status, 200);
});
