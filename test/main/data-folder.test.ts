import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import type { RunningGateway } from '../support/process/gateway.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

/** A folder that goes while its files are open takes writes that nobody finds again: none of them may be acknowledged. */

async function start(t: Test): Promise<{ gateway: RunningGateway; ann: Person; folder: string; away: string }> {
  const parent = mkdtempSync(join(tmpdir(), 'knot-folder-'));
  const folder = join(parent, 'data');
  t.teardown(() => rmSync(parent, { recursive: true, force: true }));
  const { gateway, ann } = await openPeople(t, { data: folder });
  t.equal((await makeTeam(ann, 'before')).status, 201);
  return { gateway, ann, folder, away: join(parent, 'away') };
}

const makeTeam = (person: Person, name: string) => person.api('POST', '/teams', { name, title: name });

async function isTold(t: Test, { gateway, ann }: { gateway: RunningGateway; ann: Person }): Promise<void> {
  const refused = await makeTeam(ann, 'lost');
  t.match(refused, { status: 503, headers: { 'retry-after': /^\d+$/ } }, 'a write is not acknowledged');
  t.match(refused.json(), { code: 'KNOT_STORE_MOVED' });
  t.notMatch(refused.text, /knot-folder|\/tmp/, 'nobody learns where the folder is');
  t.equal((await ann.signIn('ann', password)).status, 503, 'nor is a sign-in');
  await eventually('it is not ready', async () => (await fetch(`${gateway.ops}/readyz`)).status === 503);
  const { components } = (await (await fetch(`${gateway.ops}/healthz`)).json()) as { components: { name: string }[] };
  t.match(
    components.find(({ name }) => name === 'store'),
    { status: 'failed', message: /data folder was moved/ },
  );
  await gateway.line(/"level":"error".*the data folder was moved/);
}

t.test('a data folder that is moved away is noticed, and when it is back all goes on', async (t) => {
  const { gateway, ann, folder, away } = await start(t);
  renameSync(folder, away);
  await isTold(t, { gateway, ann });
  renameSync(away, folder);
  await gateway.line(/the data folder is back/);
  t.equal((await makeTeam(ann, 'after')).status, 201);
  await eventually('it is ready', async () => (await fetch(`${gateway.ops}/readyz`)).status === 200);
});

t.test('a data folder that is replaced by a copy of itself is noticed', async (t) => {
  const { gateway, ann, folder, away } = await start(t);
  renameSync(folder, away);
  cpSync(away, folder, { recursive: true });
  await isTold(t, { gateway, ann });
});

t.test('a data folder that is deleted is noticed, also when an empty one comes in its place', async (t) => {
  const { gateway, ann, folder } = await start(t);
  rmSync(folder, { recursive: true });
  await isTold(t, { gateway, ann });
  mkdirSync(folder);
  t.equal((await makeTeam(ann, 'again')).status, 503);
});
