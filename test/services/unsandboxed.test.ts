import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import { createSupervisor, type Sandbox } from '../../gateway/process/index.ts';
import { openSandbox } from '../../gateway/app/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { servicesSkipReason } from '../support/process/services.ts';
import { openProcessEngine } from './process-house.ts';

/** Machines that keep programs apart by nothing: who may launch there, and that what runs there runs. */
const none: Sandbox = { isAvailable: false, reason: 'bubblewrap (bwrap) is not installed', isInstalled: false };
const sandbox = async (): Promise<Sandbox> => none;
const skip = servicesSkipReason();

const says = (expression: string) =>
  `require('http').createServer((q, r) => r.end(String(${expression}))).listen(process.env.LISTEN)`;

t.test('where a sandbox is required, only what an administrator began runs without', { skip }, async (t) => {
  const { engine, service, ask, folder, left } = await openProcessEngine(t, { sandbox });
  writeFileSync(join(folder, 'files/private/a.txt'), 'mine');
  const one = await service(says(`require('fs').readFileSync(process.argv[1]) + process.env.KNOT_PRIVATE_DIR`), {
    values: { say: '/files/private/a.txt' },
  });
  t.match(await engine.missing(one.template.plan), [
    { what: /only administrators[^]*not installed/, remedy: /services\.sandbox/ },
  ]);
  await t.rejects(engine.start(one), { code: 'KNOT_SERVICES_NO_SANDBOX', message: /only administrators/ });
  t.match(await engine.health(), [{ name: 'service-isolation', status: 'failed', message: /only administrators/ }]);

  const theirs = { ...one, mayLackSandbox: true };
  t.strictSame(await engine.missing(theirs.template.plan, true), []);
  await engine.start(theirs);
  await eventually('it runs', async () => engine.observe(theirs).phase === 'running');
  t.equal(await ask(theirs), `mine${folder}/files/private`, 'files are told as they are on this machine');
  await engine.stop(theirs);
  t.strictSame(left(theirs), []);
});

t.test('where none is required everybody’s runs, and the warning stays', { skip }, async (t) => {
  const { engine, service, ask } = await openProcessEngine(t, { sandbox, isSandboxRequired: false });
  t.match(await engine.health(), [{ status: 'failed', message: /owns the gateway/, remedy: /knot\.yaml/ }]);
  const answering = `require('http').createServer((q, r) => r.end('TEXT')).listen(process.argv[1], '127.0.0.1')`;
  const both = await Promise.all(
    ['a', 'b'].map((text) =>
      service('', {
        plan: {
          listen: { kind: 'port', port: 8765 },
          command: ['{node}', '-e', answering.replace('TEXT', text), '{port}'],
        },
      }),
    ),
  );
  for (const one of both) await engine.start(one);
  for (const [at, one] of both.entries()) {
    await eventually('it runs', async () => engine.observe(one).phase === 'running');
    t.equal(await ask(one), 'ab'[at], 'each has a port of its own');
    await engine.stop(one);
  }
});

t.test('what an operator can do about it is told for the machine as it is', { skip }, async (t) => {
  const refused: Sandbox = { isAvailable: false, reason: 'this system does not let it work', isInstalled: true };
  const { engine } = await openProcessEngine(t, { sandbox: async () => refused });
  t.match(await engine.health(), [
    { status: 'failed', remedy: /sysctl kernel\.apparmor_restrict_unprivileged_userns=0/ },
  ]);
});

t.test('a machine without a sandbox gets the one that comes with Knot', { skip }, async (t) => {
  const dataFolder = t.testdir();
  const supervisor = createSupervisor({ clock: { now: Date.now }, log: silentLog });
  const found: Sandbox = { isAvailable: true, command: '/shipped/bwrap', confinement: 'namespace' };
  let isShipped = false;
  const shipped: string[] = [];
  const { sandbox: look } = openSandbox({
    ...{ dataFolder, supervisor, account: undefined, log: silentLog },
    find: async () => (isShipped ? found : none),
    async ship({ venvFolder }) {
      shipped.push(venvFolder);
      isShipped = true;
      return undefined;
    },
  });
  t.match(await look(), { isAvailable: false, reason: /is being installed/ });
  await eventually('it is there', async () => (await look()).isAvailable);
  t.strictSame(shipped, [join(dataFolder, 'services/sandbox')], 'once');
  const { sandbox: lookAgain } = openSandbox({
    ...{ dataFolder, supervisor, account: undefined, log: silentLog },
    find: async () => none,
    ship: async () => ({ message: 'No index.', remedy: 'Get one.' }),
  });
  t.match(await lookAgain(), { reason: /is being installed/ });
  await eventually('it is not said for ever', async () => !/being installed/.test(JSON.stringify(await lookAgain())));
});

t.test(
  'a sandbox that is being installed is given up at the end, without a word and another look',
  { skip },
  async (t) => {
    const supervisor = createSupervisor({ clock: { now: Date.now }, log: silentLog });
    let looks = 0;
    const { sandbox, settled, close } = openSandbox({
      ...{ dataFolder: t.testdir(), supervisor, account: undefined },
      log: { ...silentLog, warn: () => t.fail('said') },
      find: async () => ((looks += 1), none),
      ship: ({ signal }) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => resolve({ message: 'It was ended.', remedy: 'Try again.' })),
        ),
    });
    t.match(await sandbox(), { isAvailable: false });
    close();
    t.match(await settled(), { isAvailable: false });
    t.equal(looks, 1);
  },
);
