import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';

t.setTimeout(120_000);

const password = 'correct-horse-staple-7';

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
  const gateway = await startGateway({ config: { integrations: { jupyterhub: { mode: 'off' } } } });
  t.teardown(() => gateway.stop());
  const ann = createPerson(gateway);
  t.teardown(() => ann.close());
  await ann.fill(await ann.visit(gateway.setupLink!), { username: 'ann', email: 'ann@example.org', password });
  const counts: number[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    const browser = createPerson(gateway);
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
    await browser.close();
    if (after.generation === before.generation) counts.push(after.commits - before.commits);
  }
  // Something in the background may commit as well, but not each time.
  t.equal(Math.min(...counts), 2, `commits of each sign-in: ${counts.join()}`);
});
