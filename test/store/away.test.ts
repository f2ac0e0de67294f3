import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { accountsOn, by } from '../accounts/people.ts';
import { eventually } from '../support/eventually.ts';
import { startPostgres } from '../support/process/postgres.ts';

/** What a process believes about people while its database is away, and about a commit whose answer never came. */
const postgres = await startPostgres();
if (!('skip' in postgres)) t.teardown(() => postgres.stop());
const skip = 'skip' in postgres && postgres.skip;

async function open(t: Test, url: string) {
  const clock = createManualClock();
  const store = await openStore({ url, clock, log: silentLog });
  t.teardown(() => store.close());
  return { clock, store };
}

/** Between Knot and its database; `atCommit` loses the answer to the next commit, which the server has done. */
async function startRelay(t: Test, url: string) {
  let isCutting = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(url).port), '127.0.0.1');
    let isLast = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => (client.destroy(), upstream.destroy()));
    }
    client.on('data', (data) => {
      if (isCutting && data.includes('commit')) [isLast, isCutting] = [true, false];
      upstream.write(data);
    });
    upstream.on('data', (data) => void (isLast ? upstream.destroy() : client.write(data)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const relayed = new URL(url);
  relayed.port = String((server.address() as AddressInfo).port);
  return { url: relayed.href, atCommit: () => (isCutting = true) };
}

t.test('a commit whose answer is lost is heard by the process that asked for it', { skip }, async (t) => {
  if ('skip' in postgres) return;
  const relay = await startRelay(t, await postgres.createDatabase());
  const { store, clock } = await open(t, relay.url);
  const { accounts } = accountsOn(store, clock);
  const ann = await accounts.createUser({ username: 'ann', email: 'ann@example.org', state: 'active' }, by);
  t.match(await accounts.principal(ann.id), { state: 'active' });
  relay.atCommit();
  await t.rejects(accounts.setState(ann.id, 'disabled', by), { code: 'KNOT_STORE_UNREACHABLE' });
  await eventually(
    'what was committed is believed',
    async () => (await accounts.principal(ann.id))?.state === 'disabled',
  );
  // Also when the server commits only after the answer was given up: by the feed, which then reads what this process wrote.
  const heard: string[] = [];
  store.onChange('users', (key) => heard.push(key));
  await eventually('it is read back as well', () => heard.includes(ann.id));
});

t.test('who cannot hear what others change stops believing what it knows', { skip }, async (t) => {
  if ('skip' in postgres) return;
  const url = await postgres.createDatabase();
  const { store, clock } = await open(t, url);
  const { accounts } = accountsOn(store, clock);
  const ann = await accounts.createUser({ username: 'ann', email: 'ann@example.org', state: 'active' }, by);
  await accounts.principal(ann.id);
  await postgres.down('fast');
  await t.rejects(store.ping());
  t.match(await accounts.principal(ann.id), { state: 'active' }, 'a short while is bridged');
  clock.advance(61_000);
  await eventually('it is asked anew', () => accounts.peekPrincipal(ann.id) === undefined);
  await t.rejects(accounts.principal(ann.id), { code: 'KNOT_STORE_UNREACHABLE' });
  await postgres.up();
  await eventually('it goes on by itself', () =>
    accounts.principal(ann.id).then(
      (principal) => principal?.state === 'active',
      () => false,
    ),
  );
});

t.test(
  'whatever a server says before it lets anybody in is 503, and one that takes no writes is seen',
  { skip },
  async (t) => {
    if ('skip' in postgres) return;
    const url = await postgres.createDatabase();
    const { store } = await open(t, url);
    const name = new URL(url).pathname.slice(1);
    const asks = `where datname = '${name}' and pid <> pg_backend_pid()`;
    t.strictSame(await store.ping(), { isWritable: true });
    await postgres.query(`alter database ${name} set default_transaction_read_only = on`);
    await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity ${asks}`);
    await eventually('it is read-only', () =>
      store.ping().then(
        ({ isWritable }) => !isWritable,
        () => false,
      ),
    );
    await postgres.query(`alter database ${name} allow_connections false`);
    await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity ${asks}`);
    await eventually('it refuses', () =>
      store.ping().then(
        () => false,
        (error: { code?: string; statusCode?: number }) =>
          error.code === 'KNOT_STORE_REFUSED' && error.statusCode === 503,
      ),
    );
    await postgres.query(`alter database ${name} allow_connections true`);
    await eventually('it goes on', () =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
  },
);
