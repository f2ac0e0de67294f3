import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { clients, type FuzzClient } from './cases.ts';
import { openFuzzHouse } from './house.ts';
import { runCase } from './run.ts';

/**
 * The long differential fuzz: `npm run fuzz -- [MINUTES] [SEED]`. Goes on until the time is over or a claim does not hold; then
 * the smallest case found is added to `corpus.json`, which the test suite replays, and the exit status is 1.
 */
const [minutes = '5', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const corpusFile = join(import.meta.dirname, 'corpus.json');
const ends: (() => unknown)[] = [];
const house = await openFuzzHouse({ teardown: (end) => void ends.push(end) });
const endAt = Date.now() + Number(minutes) * 60_000;
console.log(`seed ${seed}, until ${new Date(endAt).toISOString()}`);

let cases = 0;
/** The case at hand goes on when the time is over; two at once would take each other's requests for their own. */
let running: Promise<void> = Promise.resolve();
let round = 0;
while (Date.now() < endAt && process.exitCode === undefined) {
  const property = fc.asyncProperty(clients, async (some) => {
    cases += 1;
    running = runCase(house, some);
    await running;
  });
  const result = await fc.check(property, {
    seed: Number(seed) + round++,
    numRuns: 100_000,
    interruptAfterTimeLimit: Math.min(30_000, endAt - Date.now()),
  });
  await running.catch(() => undefined);
  if (result.failed && result.counterexample !== null) {
    const [found] = result.counterexample;
    const reason = String((result.errorInstance as Error | null)?.message ?? 'unknown').slice(0, 200);
    console.error(`${reason}\nseed ${result.seed}, path ${result.counterexamplePath}\n${JSON.stringify(found)}`);
    const corpus = JSON.parse(readFileSync(corpusFile, 'utf8')) as { name: string; clients: FuzzClient[] }[];
    writeFileSync(corpusFile, `${JSON.stringify([...corpus, { name: reason, clients: found }], null, 2)}\n`);
    process.exitCode = 1;
  }
  if (process.exitCode !== undefined) break;
  const lines = await house.checkLines();
  console.log(`${cases} cases, ${lines} requests forwarded in this round`);
}
for (const end of ends.reverse()) await end();
