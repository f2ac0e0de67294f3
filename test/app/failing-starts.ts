/**
 * A process of its own, for `half-open.test.ts`: starts the gateway again and again, each time on the
 * database that a first start left, and lets one more statement succeed before one fails. Tells its parent what was left open after each failure,
 * after the first start that succeeded, and after one with all that there is beside a gateway.
 */
import { createHook } from 'node:async_hooks';
import { copyFileSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { createApp } from '../../gateway/app.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { eventually } from '../support/eventually.ts';

export type Outcome = { failedAt: string | undefined; error: string | undefined; left: string[] };

const [configFile, folder, wholeFile] = process.argv.slice(2) as [string, string, string];
const loaded = loadConfig({ config: configFile }, {});
const { config } = loaded;
/** Timers that code of the gateway set and that are still to come, also those that keep no process alive: id to where. */
const timers = new Map<number, string>();
createHook({
  init(id, type) {
    if (type !== 'Timeout') return;
    const place = new Error().stack?.split('\n').find((line) => line.includes('/gateway/'));
    if (place !== undefined) timers.set(id, place.replace(/^.*\/gateway\//, ''));
  },
  destroy: (id) => void timers.delete(id),
}).enable();

let allowed = Infinity;
let failedAt: string | undefined;
for (const name of ['prepare', 'exec'] as const) {
  const original = DatabaseSync.prototype[name] as (this: DatabaseSync, sql: string) => never;
  DatabaseSync.prototype[name] = function (this: DatabaseSync, sql: string): never {
    const isCounted = this.location()?.endsWith('knot.db') === true && !/^rollback/i.test(sql);
    if (!isCounted) return original.call(this, sql);
    if (allowed === 0) failedAt ??= sql.slice(0, 120);
    if (allowed <= 0) throw new Error('this step fails');
    allowed -= 1;
    return original.call(this, sql);
  };
}

const resources = (): string[] =>
  process
    .getActiveResourcesInfo()
    .filter((type) => /^(TCP|Pipe|Process|FSEvent|StatWatcher|Timeout|TLS|HTTP)/.test(type));

const files = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(folder) ? [target.slice(folder.length)] : [];
    } catch {
      return [];
    }
  });

const children = (): string[] =>
  readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/^.*\) /, '')
          .split(' ');
        return Number(fields[1]) === process.pid ? [`child ${pid}`] : [];
      } catch {
        return [];
      }
    });

const before = resources();
/** The log has one for the whole process, from the first gateway that is made on. */
let exitListeners: number | undefined;

/** What is open beyond what was open before the first start. */
function leftOpen(): string[] {
  const known = [...before];
  const more = resources().filter((type) => {
    const index = known.indexOf(type);
    if (index >= 0) known.splice(index, 1);
    return index < 0;
  });
  // The last resort of whoever has children: it is given up when they have ended in order.
  const ofExit = Array.from({ length: process.listenerCount('exit') - (exitListeners ?? 0) }, () => 'listener of exit');
  return [...more, ...files(), ...children(), ...timers.values(), ...ofExit];
}

async function start(statements: number, from = loaded): Promise<Outcome> {
  allowed = statements;
  failedAt = undefined;
  const app = createApp(from, { startedAt: Date.now() });
  exitListeners ??= process.listenerCount('exit');
  let error: string | undefined;
  try {
    await app.start();
  } catch (caught) {
    error = String(caught);
  }
  const hasFailed = error !== undefined;
  allowed = Infinity;
  if (!hasFailed) await app.close();
  await eventually('nothing is left', () => leftOpen().length === 0).catch(() => undefined);
  return { failedAt, error, left: leftOpen() };
}

const database = `${config.data}/knot.db`;
process.send!(await start(Infinity));
process.send!(await start(Infinity, loadConfig({ config: wholeFile }, {})));
copyFileSync(database, `${folder}/after-first-start.db`);
for (let statements = 0; ; statements += 1) {
  for (const ending of ['', '-wal', '-shm']) rmSync(`${database}${ending}`, { force: true });
  copyFileSync(`${folder}/after-first-start.db`, database);
  const outcome = await start(statements);
  process.send!(outcome);
  if (outcome.failedAt === undefined || outcome.left.length > 0) break;
}
// Also when something was left open that would keep it alive: what it is was told.
process.once('disconnect', () => process.exit());
process.disconnect();
