/** Writes one row after another and prints its number only after the store acknowledged it, until the test kills it. */
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';

const [url, round] = process.argv.slice(2);
const store = await openStore({ url: url!, clock: systemClock, log: silentLog });
for (let n = Number(round) * 1_000_000; ; n++) {
  await store.transaction(async ({ db }) => {
    await db
      .insertInto('settings')
      .values({ key: `write.${n}`, value: 'x' })
      .execute();
  });
  process.stdout.write(`${n}\n`);
}
