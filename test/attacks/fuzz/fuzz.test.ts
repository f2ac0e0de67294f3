import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { clients, type FuzzClient } from './cases.ts';
import { promptMs } from '../house.ts';
import { openFuzzHouse } from './house.ts';
import { runCase } from './run.ts';

const house = await openFuzzHouse(t);
const corpus = JSON.parse(readFileSync(join(import.meta.dirname, 'corpus.json'), 'utf8')) as {
  name: string;
  clients: FuzzClient[];
}[];

t.test('cases found before stay found', async (t) => {
  for (const { name, clients: found } of corpus) {
    await t.test(name, async () => runCase(house, found));
  }
});

t.test('judged is forwarded, one in is at most one out, and no answer goes to another client', async (t) => {
  let cases = 0;
  let running: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(clients, async (some) => {
    cases += 1;
    running = runCase(house, some);
    await running;
  });
  await fc.assert(property, { seed: 20261123, numRuns: 100_000, interruptAfterTimeLimit: 15_000, endOnFailure: false });
  // The case at hand goes on when the time is over.
  await running;
  const forwarded = await house.checkLines();
  t.comment(`${cases} cases, ${forwarded} requests forwarded`);
  // A share and no number: how many cases fit into the time is the machine's business.
  t.ok(cases > 10 && forwarded > 3 * cases, 'neighbour: plain requests pass');
  t.ok((await house.house.serveMs()) < promptMs, 'the process still answers');
  t.notMatch(house.house.gateway.output(), /uncaught|unhandled|request failed/i);
});
