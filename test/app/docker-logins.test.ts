import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { createDockerLogins } from '../../gateway/app/docker-logins.ts';
import { openFiles } from '../../gateway/files/index.ts';
import { type AuditEntry, createManualClock, type Principal, silentLog } from '../../gateway/lib/index.ts';
import { aWhile, eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';

const host = 'harbor.localhost:8443';
const bob = { id: '0e8f0e8f-0000-4000-8000-000000000001', username: 'bob' };

async function open(t: Test) {
  const clock = createManualClock();
  const { store } = await openTestFacts(t, { clock });
  const folder = mkdtempSync(join(tmpdir(), 'knot-logins-'));
  const files = openFiles({
    settings: { folder, uploadMaxBytes: 1_000_000, trashDays: 30 },
    ...{ store, clock, log: silentLog },
    allowanceOf: async () => ({ whose: 'these files' }),
  });
  const robot = { secret: 'Kn0first', isReady: true, until: Promise.resolve(), asked: 0 };
  const noted: AuditEntry[] = [];
  const person = { state: 'active' as Principal['state'] };
  const make = (more: { resyncMs?: number } = {}) =>
    createDockerLogins({
      ...more,
      files,
      registry: {
        host,
        async pullLoginOf(project) {
          if (!robot.isReady)
            throw Object.assign(new Error('not ready'), { code: 'KNOT_INTEGRATIONS_HARBOR_NOT_READY' });
          robot.asked += 1;
          await robot.until;
          return { name: `robot$${project}+knot-0`, secret: robot.secret };
        },
        isPullLogin: (project, name) => name === `robot$${project}+knot-0`,
      },
      accounts: {
        principal: async (id) => (id === bob.id ? ({ ...bob, ...person } as unknown as Principal) : undefined),
      },
      audit: { append: async (entry) => void noted.push(entry) },
      log: silentLog,
    });
  const logins = make();
  t.teardown(async () => {
    await logins.close();
    await files.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, 'private', bob.id, '.docker', 'config.json');
  const content = () => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const put = (text: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const secretIn = () =>
    Buffer.from((content()['auths'] as Record<string, { auth: string }>)[host]!.auth, 'base64').toString();
  return { logins, make, robot, noted, person, file, content, put, secretIn };
}

t.test('a login is written where docker looks for it, and taken out again', async (t) => {
  const { logins, file, content, secretIn } = await open(t);
  t.same(await logins.look(bob), { registry: host, path: '/files/private/.docker/config.json', state: 'absent' });
  t.notOk(existsSync(file), 'a look writes nothing');
  t.match(await logins.write(bob), { state: 'written' });
  t.equal(secretIn(), 'robot$bob+knot-0:Kn0first');
  t.equal(statSync(file).mode & 0o777, 0o600, 'for its owner alone');
  t.match(await logins.look(bob), { state: 'written' });
  const before = statSync(file).ino;
  await logins.write(bob);
  t.equal(statSync(file).ino, before, 'twice is as once');
  t.match(await logins.remove(bob), { state: 'absent' });
  t.same(content(), { auths: {} });
  t.match(await logins.remove(bob), { state: 'absent' });
});

t.test('what else is in the file stays, and a login of their own is not replaced', async (t) => {
  const { logins, file, content, put } = await open(t);
  const other = { auths: { 'ghcr.io': { auth: 'eDp5' } }, credHelpers: { gcr: 'gcloud' }, psFormat: 'x' };
  put(JSON.stringify(other));
  chmodSync(file, 0o644);
  await logins.write(bob);
  t.match(content(), other);
  t.equal(statSync(file).mode & 0o777, 0o600);
  await logins.remove(bob);
  t.strictSame(content(), other);
  for (const login of [{ auth: Buffer.from('bob:mine').toString('base64') }, { username: 'bob' }, {}, 'x', null]) {
    const own = JSON.stringify({ auths: { [host]: login } });
    put(own);
    t.match(await logins.look(bob), { state: 'other' }, own);
    await t.rejects(logins.write(bob), { code: 'KNOT_APP_DOCKER_LOGIN_TAKEN' });
    t.match(await logins.remove(bob), { state: 'other' });
    t.equal(readFileSync(file, 'utf8'), own, 'as it was');
  }
});

t.test('what is no configuration of docker is told and left as it is', async (t) => {
  const { logins, file, put } = await open(t);
  for (const text of ['', '{', '[]', '{"auths":[]}', `{"x":"${'x'.repeat(300_000)}"}`]) {
    put(text);
    for (const act of [logins.look, logins.write, logins.remove])
      await t.rejects(act(bob), { code: 'KNOT_APP_DOCKER_CONFIG' });
    t.equal(readFileSync(file, 'utf8'), text);
  }
  rmSync(file);
  const outside = mkdtempSync(join(tmpdir(), 'knot-outside-'));
  t.teardown(() => rmSync(outside, { recursive: true, force: true }));
  writeFileSync(join(outside, 'config.json'), '{}');
  symlinkSync(join(outside, 'config.json'), file);
  await t.rejects(logins.write(bob), { code: 'KNOT_FILES_NOT_A_FILE' });
  rmSync(dirname(file), { recursive: true });
  symlinkSync(outside, dirname(file));
  await t.rejects(logins.write(bob));
  t.equal(readFileSync(join(outside, 'config.json'), 'utf8'), '{}', 'no link is followed');
});

t.test('what was written is renewed with the robot, and what was taken out is not', async (t) => {
  const { logins, make, robot, noted, person, content, put, secretIn } = await open(t);
  await logins.write(bob);
  robot.secret = 'Kn0second';
  const runs = async () => {
    const again = make();
    again.start();
    await again.idle();
    await again.close();
  };
  person.state = 'disabled';
  await runs();
  t.equal(secretIn(), 'robot$bob+knot-0:Kn0first');
  person.state = 'active';
  await runs();
  t.equal(secretIn(), 'robot$bob+knot-0:Kn0second');
  t.match(noted, [{ action: 'images.login.renewed', actor: 'system', subject: 'user:bob', outcome: 'done' }]);
  robot.isReady = false;
  await t.rejects(logins.write(bob), { code: 'KNOT_INTEGRATIONS_HARBOR_NOT_READY' });
  robot.isReady = true;
  await logins.remove(bob);
  robot.secret = 'Kn0third';
  put(JSON.stringify({ ...content(), psFormat: 'x' }));
  await runs();
  t.same(content(), { auths: {}, psFormat: 'x' });
  t.equal(noted.length, 1);
});

t.test('they are looked at again and again, and when that ends what is under way is over', async (t) => {
  const { logins, make, robot, secretIn } = await open(t);
  await logins.write(bob);
  const again = make({ resyncMs: 5 });
  again.start();
  await again.idle();
  robot.secret = 'Kn0second';
  await eventually('it is renewed', () => secretIn() === 'robot$bob+knot-0:Kn0second');
  const { promise, resolve } = Promise.withResolvers<void>();
  robot.until = promise;
  robot.secret = 'Kn0third';
  const before = robot.asked;
  await eventually('it is asked for', () => robot.asked > before);
  let isOver = false;
  const closed = again.close().then(() => (isOver = true));
  await aWhile();
  t.notOk(isOver);
  resolve();
  await closed;
  t.equal(secretIn(), 'robot$bob+knot-0:Kn0third');
  const { asked } = robot;
  await aWhile();
  t.equal(robot.asked, asked, 'and nothing is asked any more');
});
