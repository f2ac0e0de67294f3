import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import t from 'tap';
import { checkFields } from '../../gateway/accounts/problems.ts';
import { renameField } from '../../gateway/api/errors.ts';
import { shapeErrors } from '../../gateway/app/errors.ts';
import { describe } from '../../gateway/cli/index.ts';
import { knotError, silentLog, withDetails } from '../../gateway/lib/index.ts';
import { answerRefusal } from '../../gateway/proxy/message/answers.ts';
import { refuseUpgrade } from '../../gateway/proxy/message/refuse-upgrade.ts';
import { tooManyStreams } from '../../gateway/proxy/message/refusals.ts';
import { openHouse as openApi } from '../api/house.ts';
import { createFixture as openLogin } from '../login/fixture.ts';
import { openHouse as openProvider } from '../oidc/support/house.ts';

const remedy = 'Try again in seven seconds.';
/** One error that has both: what to do next, and a field of its own in the head of the answer. */
const busy = () =>
  knotError('KNOT_API_TOO_OFTEN', 429, 'That was too often.', { remedy, headers: { 'retry-after': '7' } });
const fails = () => Promise.reject(busy());

t.test('remedy and headers of an error leave by every door', async (t) => {
  await t.test('the API', async (t) => {
    const house = await openApi(t, { identify: fails });
    const answer = await house.call({ url: '/me', cookie: '__Host-knot=x' });
    t.match(answer, { status: 429, headers: { 'retry-after': '7' }, json: { code: 'KNOT_API_TOO_OFTEN', remedy } });
  });

  await t.test('the main host, to a program and to a person', async (t) => {
    const main = Fastify();
    shapeErrors(main, silentLog);
    main.get('/', fails);
    t.teardown(() => main.close());
    const json = await main.inject('/');
    t.match(json, { statusCode: 429, headers: { 'retry-after': '7' } });
    t.match(json.json(), { remedy });
    const page = await main.inject({ url: '/', headers: { 'sec-fetch-mode': 'navigate', accept: 'text/html' } });
    t.match(page, { statusCode: 429, headers: { 'retry-after': '7' }, body: remedy });
  });

  await t.test('the sign-in pages', async (t) => {
    const { get } = await openLogin(t, { options: { identify: fails } });
    t.match(await get('/logout'), { status: 429, headers: { 'retry-after': '7' }, body: remedy });
  });

  await t.test('the edge, on HTTP and where an upgrade was asked for', async (t) => {
    const server = createServer((request, response) =>
      answerRefusal(response, tooManyStreams(), request.headers.accept === 'text/html', 'id'),
    );
    server.on('upgrade', (_request, socket) => refuseUpgrade(socket, tooManyStreams(), 'id'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const ask = async (fields: string) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\n${fields}\r\n\r\n`);
      return text(socket);
    };
    const upgrade = 'connection: upgrade\r\nupgrade: websocket';
    for (const fields of ['connection: close', 'connection: close\r\naccept: text/html', upgrade]) {
      const answer = await ask(fields);
      t.match(answer, /^HTTP\/1\.1 429 /, fields);
      t.match(answer, /\r\nretry-after: 5\r\n/i, fields);
      t.match(answer, tooManyStreams().remedy!, fields);
    }
    const body = async (fields: string) => (await ask(fields)).split('\r\n\r\n')[1]!;
    t.strictSame(
      JSON.parse(await body(upgrade)),
      JSON.parse(await body('connection: close')),
      'one shape for programs',
    );
  });

  await t.test('the command line', async (t) => {
    t.match(describe(busy()), remedy);
  });
});

t.test('what the provider answers while something behind it is away says when to come back', async (t) => {
  const away = () => knotError('KNOT_STORE_AWAY', 503, 'The database is away.', { remedy });
  let isAway = false;
  const house = await openProvider(t, {});
  const { store } = house;
  const select = store.db.selectFrom.bind(store.db);
  store.db.selectFrom = ((...given: Parameters<typeof select>) => {
    if (isAway) throw away();
    return select(...given);
  }) as never;
  isAway = true;
  const body = new URLSearchParams({ grant_type: 'authorization_code', code: 'x', client_id: 'jupyterhub' });
  const answer = await house.fetch(`${house.issuer}/token`, { method: 'POST', body });
  isAway = false;
  t.match(answer, { status: 503 });
  t.equal(answer.headers.get('retry-after'), '5');
});

t.test('what is told at a field of a form keeps remedy and headers of the error it was', async (t) => {
  await t.rejects(checkFields({ username: () => fails() }), {
    code: 'KNOT_API_TOO_OFTEN',
    remedy,
    headers: { 'retry-after': '7' },
    details: { problems: [{ field: 'username' }] },
  });
  const several = checkFields({ username: () => fails(), email: () => fails() });
  await t.rejects(several, { code: 'KNOT_ACCOUNTS_INPUT', headers: { 'retry-after': '7' } });
  const given = withDetails(busy(), { problems: [{ field: 'password', message: 'too short' }] });
  t.match(renameField(given, 'password', 'new'), {
    remedy,
    headers: { 'retry-after': '7' },
    details: { problems: [{ field: 'new' }] },
  });
});
