import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '../../../gateway/lib/index.ts';
import { createHelm, type HelmFailure } from '../../../gateway/services/kubernetes/helm.ts';
import { eventually } from '../../support/eventually.ts';

/** A program in place of Helm, and what runs it. */
function helmThat(t: Test, does: string) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-helm-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'helm');
  writeFileSync(program, `#!${process.execPath}\nconst fs = require('fs');\n${does}`);
  chmodSync(program, 0o755);
  const open = () =>
    createHelm({
      ...{ program, folder: join(folder, 'home'), log: silentLog, userOf: (namespace) => `system:x:${namespace}` },
      access: async () => ({
        ...{
          server: new URL('https://api.test/'),
          proxy: undefined,
          authorization: 'Bearer s3cret',
          tls: { ca: 'PEM' },
        },
      }),
    });
  return { folder, helm: open(), open };
}

/** Why a run ended. */
const kindOf = (ended: Promise<string>): Promise<string> =>
  ended.then(
    () => 'well',
    (failure: HelmFailure) => failure.kind,
  );

const run = { args: ['template'], namespace: 'knot-ann', timeoutMs: 20_000 };

t.test(
  'who Knot is stands in a file that only it reads, and is gone afterwards; nothing is in an argument',
  async (t) => {
    const { helm, folder } = helmThat(
      t,
      `const file = process.env.KUBECONFIG;
     console.log(JSON.stringify({ args: process.argv.slice(2), mode: fs.statSync(file).mode & 0o777, config: JSON.parse(fs.readFileSync(file)), file, input: fs.readFileSync(0, 'utf8'), secrets: Object.keys(process.env).filter((name) => /SECRET/.test(name)) }));`,
    );
    process.env['KNOT_TEST_SECRET'] = 'x';
    t.teardown(() => delete process.env['KNOT_TEST_SECRET']);
    const said = JSON.parse(await helm.run({ ...run, input: '{"a":1}' })) as Record<string, never>;
    t.match(said, {
      args: ['template', '--namespace', 'knot-ann'],
      mode: 0o600,
      input: '{"a":1}',
      secrets: [],
      config: { users: [{ user: { token: 's3cret', as: 'system:x:knot-ann' } }] },
    });
    t.notOk(existsSync(said['file']!));
    t.strictSame(readdirSync(join(folder, 'home')), []);
  },
);

t.test('one that hangs, says too much or grows too large is ended, with all that it started', async (t) => {
  const begins = `require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']).pid`;
  const { helm, folder } = helmThat(
    t,
    `fs.writeFileSync(__dirname + '/pid', String(${begins})); setInterval(() => {}, 1000);`,
  );
  t.equal(await kindOf(helm.run({ ...run, timeoutMs: 1_500 })), 'slow');
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  await eventually('what it started ended', () => !existsSync(`/proc/${pid}/exe`));
  const loud = helmThat(t, `for (;;) fs.writeSync(1, 'x'.repeat(65536));`);
  t.equal(await kindOf(loud.helm.run({ ...run, mostBytes: 1_000_000 })), 'large');
  const abort = new AbortController();
  const ended = kindOf(helm.run({ ...run, signal: abort.signal }));
  abort.abort();
  t.equal(await ended, 'ended');
});

t.test('what a killed gateway left at work is ended at the next start', async (t) => {
  const { helm, open, folder } = helmThat(
    t,
    `fs.writeFileSync(__dirname + '/pid', String(process.pid)); setInterval(() => {}, 1000);`,
  );
  const left = t.rejects(helm.run(run));
  const file = join(folder, 'pid');
  await eventually('it works', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
  await open().tidy();
  await left;
  t.notOk(existsSync(`/proc/${readFileSync(file, 'utf8')}/exe`));
  t.strictSame(readdirSync(join(folder, 'home')), []);
});

t.test('a Helm that is too old, or none, is told before anything is tried', async (t) => {
  const old = helmThat(t, `console.log('v3.20.1')`);
  t.match(await old.helm.version(), { missing: /3\.21 or 4 is needed/ });
  await t.rejects(old.helm.isFour(), { code: 'KNOT_SERVICES_NO_HELM' });
  for (const [said, isFour] of [
    ['v3.21.4', false],
    ['v4.2.4', true],
  ] as const)
    t.equal(await helmThat(t, `console.log('${said}')`).helm.isFour(), isFour);
});
