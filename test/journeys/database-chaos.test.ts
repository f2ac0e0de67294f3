import { chownSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { type ChaosLoad, startChaosLoad } from '../support/process/chaos-load.ts';
import { startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningGateway, startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';
import { startPostgres } from '../support/process/postgres.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';

/**
 * Everything that happens to a database in the field, to a real one, while people use two gateways on it. Counted are gateways
 * that live, acknowledged writes that are gone, and answers that are neither right nor 503 with `Retry-After`.
 */
const password = 'correct-horse-staple-7';
/** The longest anybody may wait while the database hangs: a connection (3 s), a statement (6 s), and a busy test machine. */
const longestWaitMs = 15_000;

const postgres = await startPostgres();
t.test('two gateways outlive whatever happens to their database', skipped(), async (t) => {
  if ('skip' in postgres) return;
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase();
  const echo = await startEcho();
  t.teardown(() => echo.close());
  const options = {
    config: { integrations: { jupyterhub: { mode: 'off' } }, apps: [{ name: 'echo', upstream: echo.address }] },
    environment: { KNOT_DATABASE: url },
  };
  const gateways = [await startGateway(options), await startGateway(options)];
  t.teardown(() => Promise.all(gateways.map((gateway) => gateway.stop())));
  const [first] = gateways as [RunningGateway];

  for (const [name, ...flags] of [['ann', '--admin'], ['bob']]) {
    const words = ['user', 'add', name!, '--email', `${name}@example.org`, ...flags, '--password-file', '-'];
    const added = await first.knot(words, password);
    t.equal(added.status, 0, added.stderr);
  }
  const redirect = ['--redirect-uri', 'https://client.example/callback'];
  const client = await first.knot(['client', 'add', 'Chaos', ...redirect, '--json']);
  t.equal(client.status, 0, client.stderr);
  const { clientId, clientSecret } = JSON.parse(client.stdout) as { clientId: string; clientSecret: string };

  const loads: ChaosLoad[] = [];
  for (const gateway of gateways) {
    const admin = createPerson(gateway);
    t.teardown(() => admin.close());
    await admin.signIn('ann', password);
    await admin.visit(`https://echo.localhost:${gateway.port}/`);
    loads.push(startChaosLoad(gateway, { admin, username: 'bob', password, clientId, clientSecret }));
  }
  t.teardown(() => Promise.all(loads.map((load) => load.stop())));

  const allWell = () => Promise.all(loads.map((load) => load.allWell(30_000)));
  const knotBackends = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}' and pid <> pg_backend_pid()`;

  async function survived(t: Test, withinMs: number): Promise<void> {
    await allWell();
    t.strictSame(gateways.map(isAlive), [true, true], 'both gateways live');
    t.strictSame([...new Set(loads.flatMap(({ wrong }) => wrong.splice(0)))], [], 'no wrong answer');
    const waited = Math.max(...loads.map((load) => load.longestWait()));
    t.ok(waited < withinMs, `nobody waited longer than ${Math.round(waited)} ms`);
    for (const { ops } of gateways) {
      await eventually('it is ready', async () => (await fetch(`${ops}/readyz`)).status === 200);
    }
  }

  await allWell();

  await t.test('connections are terminated while they are in use', async (t) => {
    for (let round = 0; round < 10; round++) {
      await postgres.query(knotBackends);
      await delay(150);
    }
    await survived(t, longestWaitMs);
  });

  for (const mode of ['fast', 'immediate'] as const) {
    await t.test(`the server restarts (${mode})`, async (t) => {
      await postgres.down(mode);
      for (const { ops } of gateways) {
        await eventually('it says that it is not ready', async () => (await fetch(`${ops}/readyz`)).status === 503);
        t.equal((await fetch(`${ops}/healthz`)).status, 200);
      }
      await delay(1000);
      await postgres.up();
      await survived(t, longestWaitMs);
    });
  }

  await t.test('the server freezes: connections stay open and nothing answers', async (t) => {
    await postgres.freeze();
    t.teardown(() => postgres.thaw());
    for (const { ops } of gateways) {
      for (const path of ['/healthz', '/metrics']) {
        // Not a measurement: the server stays frozen, so who waits for it is not answered at all.
        const answer = await fetch(`${ops}${path}`, { signal: AbortSignal.timeout(25_000) });
        const text = await answer.text();
        t.equal(answer.status, 200, path);
        if (path === '/healthz') t.match(text, /"name":"store","status":"failed"/);
        else t.match(text, /process_cpu/);
      }
      t.equal((await fetch(`${ops}/readyz`)).status, 503);
    }
    await delay(8000);
    t.ok(
      loads.every((load) => Object.keys(load.counts()).some((key) => key === 'write 503')),
      'who writes is told',
    );
    await postgres.thaw();
    await survived(t, longestWaitMs);
  });

  await t.test('the server is slow', async (t) => {
    for (let pulse = 0; pulse < 8; pulse++) {
      await postgres.freeze();
      await delay(400);
      await postgres.thaw();
      await delay(60);
    }
    await survived(t, longestWaitMs);
  });

  await t.test('every connection of the server is taken', async (t) => {
    const others: pg.Client[] = [];
    t.teardown(() => Promise.all(others.map((other) => other.end())));
    const take = async (): Promise<boolean> => {
      const other = new pg.Client({ connectionString: postgres.url });
      other.on('error', () => undefined);
      const isIn = await other.connect().then(
        () => true,
        () => false,
      );
      if (isIn) others.push(other);
      return isIn;
    };
    while (await take());
    await others[0]!.query(knotBackends);
    while (await take());
    await eventually('somebody is told', () => loads.some((load) => (load.counts()['read 503'] ?? 0) > 0));
    await delay(500);
    await Promise.all(others.splice(0).map((other) => other.end()));
    await survived(t, longestWaitMs);
  });

  await t.test('the disk of the server is full', { skip: smallDiskSkipReason() }, async (t) => {
    const { folder, resize } = openSmallDisk(t, '48m');
    const { uid, gid } = statSync(postgres.folder);
    chownSync(folder, uid, gid);
    await postgres.query(`create tablespace small location '${folder}'`);
    t.teardown(async () => {
      await postgres.query(`alter table teams set tablespace pg_default`, url);
      await postgres.query(`alter table audit set tablespace pg_default`, url);
      await postgres.query('drop table if exists filler', url);
      await postgres.query('drop tablespace small');
    });
    for (const table of ['teams', 'audit']) await postgres.query(`alter table ${table} set tablespace small`, url);
    await postgres.query('create table filler (text text) tablespace small', url);
    const fill = () =>
      postgres
        .query(`insert into filler select repeat(md5(i::text), 60) from generate_series(1, 200000) i`, url)
        .then(() => false)
        .catch(() => true);
    const refusedBefore = loads.map((load) => load.counts()['write 503'] ?? 0);
    t.ok(await fill(), 'there is no room left');
    await eventually('who writes is told', () =>
      loads.some((load, index) => (load.counts()['write 503'] ?? 0) > refusedBefore[index]!),
    );
    resize('128m');
    await survived(t, longestWaitMs);
  });

  await t.test('every write that was acknowledged is there', async (t) => {
    await Promise.all(loads.map((load) => load.stop()));
    const acknowledged = loads.flatMap((load) => load.acknowledged);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>('select name from teams');
    await client.end();
    const there = new Set(rows.map(({ name }) => name));
    t.strictSame(
      acknowledged.filter((name) => !there.has(name)),
      [],
    );
    t.comment(`${acknowledged.length} acknowledged; answers: ${JSON.stringify(loads.map((load) => load.counts()))}`);
    t.equal((await first.knot(['audit', 'verify'])).status, 0, 'one unbroken record');
  });
});

function skipped(): { skip: string | false } {
  return { skip: 'skip' in postgres && postgres.skip };
}

function isAlive({ pid }: RunningGateway): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
