import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openPeople, password } from '../support/process/people.ts';

/**
 * The commits in SQLite's write-ahead log: the last frame of each names the size of the database
 * (https://www.sqlite.org/fileformat2.html#the_write_ahead_log). `generation` changes when the log begins anew.
 */
function commitsIn(data: string): { generation: string; commits: number } {
  const log = readFileSync(join(data, 'knot.db-wal'));
  const generation = log.toString('hex', 16, 24);
  const frameBytes = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (
    let at = 32;
    at + frameBytes <= log.length && log.toString('hex', at + 8, at + 16) === generation;
    at += frameBytes
  ) {
    if (log.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return { generation, commits };
}

t.test('a sign-in commits twice: the attempt before the password is checked, and all else as one', async (t) => {
  const { gateway, stranger } = await openPeople(t);
  const counts: number[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    const browser = stranger();
    const page = await browser.visit(`${gateway.origin}/login`);
    t.equal(page.status, 200);
    const before = commitsIn(gateway.data);
    const answer = await browser.request('POST', '/login', {
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: gateway.origin,
        'sec-fetch-site': 'same-origin',
      },
      body: new URLSearchParams({ username: 'ann', password }).toString(),
    });
    t.equal(answer.status, 303, answer.text);
    const after = commitsIn(gateway.data);
    if (after.generation === before.generation) counts.push(after.commits - before.commits);
  }
  // Something in the background may commit as well, but not each time.
  t.equal(Math.min(...counts), 2, `commits of each sign-in: ${counts.join()}`);
});
