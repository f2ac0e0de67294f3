import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Answer, Person } from '../support/process/person.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';

/** What happens to a database file in the field, under a gateway that people use. */

const makeTeam = (person: Person, name: string, title = name) => person.api('POST', '/teams', { name, title });
const isAway = { status: 503, headers: { 'retry-after': /^\d+$/ } };

t.test('while another program holds the database, reads go on and writes are told to come back', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-locked-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { gateway, ann, stranger } = await openPeople(t, { data: folder });
  const other = new DatabaseSync(join(folder, 'knot.db'));
  t.teardown(() => other.close());
  other.exec('begin immediate');
  const writes = Promise.all(
    Array.from({ length: 20 }, (_, index) => makeTeam(ann, `t${'abcdefghijklmnopqrst'[index]}`)),
  );
  const signedIn = stranger().signIn('ann', password);
  let isTold = false;
  void writes.then(() => (isTold = true));
  t.equal((await ann.api('GET', '/users')).status, 200, 'a read is answered');
  t.equal((await fetch(`${gateway.ops}/healthz`)).status, 200, 'health');
  t.equal((await fetch(`${gateway.ops}/metrics`)).status, 200, 'metrics');
  t.notOk(isTold, 'without waiting for the lock');
  // Twenty that wait one after another would take a hundred seconds.
  await eventually('all were told', () => isTold, 80_000);
  for (const answer of await writes) t.match(answer, isAway, answer.text);
  t.match(await signedIn, isAway);
  other.exec('rollback');
  t.equal((await makeTeam(ann, 'after')).status, 201);
});

t.test('a full disk', { skip: smallDiskSkipReason() }, async (t) => {
  const disk = openSmallDisk(t, '8m');
  const { gateway, ann } = await openPeople(t, { data: disk.folder });
  disk.fill();
  const names = Array.from({ length: 200 }, (_, index) =>
    `f${index}`.replace(/\d/g, (digit) => 'abcdefghij'[Number(digit)]!),
  );
  const acknowledged: string[] = [];
  let refused: Answer | undefined;
  for (const name of names) {
    const answer = await makeTeam(ann, name);
    if (answer.status !== 201) {
      refused = answer;
      break;
    }
    acknowledged.push(name);
  }
  t.match(refused, isAway, 'who writes is told');
  t.match(refused?.json(), { code: 'KNOT_STORE_FULL' });
  t.equal((await ann.api('GET', '/users')).status, 200, 'a read is answered');
  disk.resize('64m');
  t.equal((await makeTeam(ann, 'after')).status, 201, 'and again when there is room');
  const teams = (await ann.api('GET', '/teams')).text;
  t.strictSame(
    acknowledged.filter((name) => !teams.includes(`"${name}"`)),
    [],
    'nothing acknowledged is lost',
  );
  t.notMatch(gateway.output(), /nobody caught/);
});
