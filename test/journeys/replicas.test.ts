import { once } from 'node:events';
import t from 'tap';
import { startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';
import { startPostgres } from '../support/process/postgres.ts';

/** Two gateways on one PostgreSQL: what one knows or changes, the other obeys within two seconds. */
t.setTimeout(180_000);
const postgres = await startPostgres();

t.test('two gateways on one database are one platform', { skip: 'skip' in postgres && postgres.skip }, async (t) => {
  if ('skip' in postgres) return;
  const echo = await startEcho();
  const database = await postgres.createDatabase();
  const options = {
    config: {
      integrations: { jupyterhub: { mode: 'off' } },
      apps: [{ name: 'echo', upstream: echo.address }],
    },
    environment: { KNOT_DATABASE: database },
  };
  const first = await startGateway(options);
  const second = await startGateway(options);
  t.teardown(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await echo.close();
    await postgres.stop();
  });
  const { password } = new URL(database);
  t.notMatch(first.output() + second.output(), `:${password}@`, 'no password is logged');

  for (const name of ['ann', 'bob']) {
    const flags = name === 'ann' ? ['--admin'] : [];
    const added = await first.knot(
      ['user', 'add', name, '--email', `${name}@example.org`, ...flags, '--password-file', '-'],
      'correct-horse-staple-7',
    );
    t.equal(added.status, 0, added.stderr);
  }
  const here = createPerson(first);
  const there = createPerson(second);
  t.teardown(() => Promise.all([here.close(), there.close()]));
  await here.signIn('bob', 'correct-horse-staple-7');
  there.setCookies('localhost', here.cookies('localhost'));
  t.match((await there.api('GET', '/me')).json(), { user: { username: 'bob' } }, 'a sign-in counts on every replica');

  await there.visit(`https://echo.localhost:${second.port}/`);
  const socket = there.socket(`wss://echo.localhost:${second.port}/socket`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const startedAt = performance.now();
  await here.submit('/logout', {});
  await closed;
  // Not a measurement: without being told, it would go on until what is cached is looked at again after a minute.
  t.ok(
    performance.now() - startedAt < 20_000,
    `signed out here, cut there after ${Math.round(performance.now() - startedAt)} ms`,
  );
  t.equal((await there.api('GET', '/me')).status, 401);

  await there.signIn('bob', 'correct-horse-staple-7');
  t.equal((await first.knot(['user', 'disable', 'bob'])).status, 0);
  await eventually('bob is out on the other replica', async () => (await there.api('GET', '/me')).status === 401);
  t.equal((await second.knot(['audit', 'verify'])).status, 0, 'one unbroken record');
});
