/** Appends to the ledger as a process of its own: `node append-loop.ts URL COUNT NAME`. */
import { createAudit } from '../../gateway/audit/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';

const [url = '', count = '', name = ''] = process.argv.slice(2);
const store = await openStore({ url, clock: systemClock, log: silentLog });
const audit = createAudit({ store, clock: systemClock });
for (let index = 0; index < Number(count); index += 1) {
  await audit.append({ action: 'loop.turned', actor: name, subject: `turn:${index}`, outcome: 'done' });
}
await store.close();
