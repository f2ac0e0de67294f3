import { chownSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Log } from '../../../lib/index.ts';
import {
  type Account,
  describeSystemProblem,
  findDamage,
  findEnvironment,
  findPython,
  type Installed,
  installEnvironment,
  type InstallProgress,
  type InstallWords,
  type Problem,
  type Python,
  type Sandbox,
  type Supervisor,
} from '../../../process/index.ts';
import { lockWhenFree } from '../../../store/index.ts';
import { boundRoom, tooLarge } from './bound-room.ts';
import { confinedStep, prepareWork } from './confined.ts';
import { keyOf, type PackageSet } from './package-set.ts';

/** Where the packages of a template are, for its program. */
export type Environment = { key: string; folder: string; python: string; basePrefix: string; packages: number };

export type Packages = {
  /** Why there can be none on this machine. */
  missing(): Promise<Problem | undefined>;
  /** What is installed and whole; begins nothing. */
  find(set: PackageSet): Promise<Environment | undefined>;
  /**
   * Installs it if it is not there. Whoever asks for the same meanwhile waits for the same; it is cut when nobody waits any more, and
   * the next one goes on with what was downloaded.
   */
  install(set: PackageSet, waiter: Waiter): Promise<Environment | { problem: Problem }>;
  /** It did not work, whatever its files look like: they are read again before it is used. */
  doubt(key: string): void;
  /** Removes what nobody used for a month, except what is used now. */
  removeUnused(used: ReadonlySet<string>): Promise<void>;
};

export type Waiter = { signal: AbortSignal; onProgress(progress: InstallProgress): void };

export type PackagesOptions = {
  /** Everything of them is in it; gateways of one machine may share it. */
  folder: string;
  /** Folder that no installer sees into, except what is its own. */
  hidden: string;
  supervisor: Supervisor;
  sandbox: () => Promise<Sandbox>;
  /** Whose the packages are, where the sandbox gives accounts. */
  account: () => Promise<Account>;
  searchPath?: string;
  /** For one installation. */
  timeoutMs?: number;
  /** Bytes that one installation may take on the disk, with what it downloads; and how often they are looked at. */
  mostBytes?: number;
  lookMs?: number;
  clock: Clock;
  log: Log;
};

const words: InstallWords = {
  needs: 'It needs',
  packages: 'the Python packages of the template',
  isProven: false,
  listRemedy: 'Whoever wrote the template corrects the versions that it needs.',
  folderRemedy: 'An administrator gives Knot write access to its data folder.',
  again: 'Then start the service again.',
};

const usualTimeoutMs = 20 * 60_000;
const usualMostBytes = 16 * 1024 ** 3;
const usualLookMs = 1000;
const unusedMs = 30 * 24 * 60 * 60_000;
const pythonAgainMs = 20_000;
/** At a time: each takes a processor. */
const mostAtOnce = 2;

/** Who waits for an installation, and what they heard last. */
type Waiting = { waiters: Set<Waiter>; abort: AbortController; last?: InstallProgress };
type Work = Waiting & { done: Promise<Result> };
type Result = Environment | { problem: Problem };

/** Python packages of templates: each set of versions once, for whoever needs it, read-only for all. */
export function createPackages(options: PackagesOptions): Packages {
  const { folder, supervisor, clock, log, timeoutMs = usualTimeoutMs } = options;
  const { mostBytes = usualMostBytes, lookMs = usualLookMs } = options;
  const searchPath = options.searchPath ?? process.env['PATH'] ?? '';
  const works = new Map<string, Work>();
  /** Looked at in this run, and whole. */
  const whole = new Set<string>();
  let python: { at: number; found: Promise<Python | Problem> } | undefined;
  let busy = 0;

  const placeOf = (key: string) => join(folder, key);
  const venvOf = (key: string) => join(placeOf(key), 'environment');

  /** One that is there stays; one that is not may be installed meanwhile. */
  function pythonHere(): Promise<Python | Problem> {
    if (python !== undefined && clock.now() - python.at < pythonAgainMs) return python.found;
    const found = findPython(supervisor, { searchPath, cwd: '/', words });
    python = { at: clock.now(), found };
    void found.then((answer) => {
      if (!('kind' in answer) && python?.found === found) python.at = Number.POSITIVE_INFINITY;
    });
    return found;
  }

  const environmentOf = (key: string, { python: program, basePrefix, packages = [] }: Installed): Environment => ({
    ...{ key, folder: venvOf(key), python: program, basePrefix },
    packages: packages.length,
  });

  async function present(key: string): Promise<Environment | undefined> {
    const found = findEnvironment(venvOf(key), key);
    if (found === undefined) return undefined;
    if (!whole.has(key)) {
      const damage = await findDamage(venvOf(key), { packages: found.packages ?? [] });
      if (damage !== undefined) {
        log.warn({ key, damage }, 'packages of a template are damaged and installed anew');
        return undefined;
      }
      whole.add(key);
    }
    const now = new Date(clock.now());
    utimesSync(placeOf(key), now, now);
    return environmentOf(key, found);
  }

  async function work(key: string, set: PackageSet, found: Python, own: Waiting): Promise<Result> {
    const { signal } = own.abort;
    const onProgress = (progress: InstallProgress): void => {
      own.last = progress;
      for (const waiter of own.waiters) waiter.onProgress(progress);
    };
    const waiting = (message: string): void => onProgress({ step: 'waiting', message, progress: 0 });
    while (busy >= mostAtOnce && !signal.aborted) {
      waiting('Waiting for other installations');
      await delay(300, undefined, { signal }).catch(() => undefined);
    }
    busy += 1;
    let lock: { release(): void } | undefined;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      const onWait = (): void => waiting('Waiting for the same installation of another Knot');
      lock = await lockWhenFree(join(folder, '.locks', key), { log, signal, onWait });
      // Somebody else may have done it.
      const there = await present(key);
      if (there !== undefined) return there;
      return await install(key, set, found, { signal, onProgress });
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, key }, 'packages of a template could not be installed');
      return { problem: describeSystemProblem(error, words) };
    } finally {
      lock?.release();
      busy -= 1;
    }
  }

  async function install(key: string, set: PackageSet, found: Python, waiter: Waiter): Promise<Result> {
    const sandbox = await options.sandbox();
    if (!sandbox.isAvailable) {
      const remedy = 'Ask an administrator to install bubblewrap on this machine.';
      return { problem: { kind: 'other', message: `${sandbox.reason}.`, remedy } };
    }
    const account = sandbox.confinement === 'account' ? await options.account() : undefined;
    const cache = join(folder, '.cache');
    const work = join(folder, '.work', key);
    const list = join(placeOf(key), 'requirements.txt');
    await rm(placeOf(key), { recursive: true, force: true });
    mkdirSync(placeOf(key), { recursive: true, mode: 0o755 });
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    if (account !== undefined && statSync(cache).uid !== account.uid) await giveCache(cache, account);
    await writeFile(list, `${set.requirements.join('\n')}\n`);
    await chmod(list, 0o644);
    // Left by one that was killed.
    await rm(work, { recursive: true, force: true });
    prepareWork(work, account);
    const startedAt = clock.now();
    const bound = await boundRoom({ folders: [placeOf(key), work, cache], mostBytes, lookMs, clock, log });
    try {
      const result = await installEnvironment({
        supervisor,
        venvFolder: venvOf(key),
        searchPath,
        what: [...(set.isLocked ? ['--no-deps', '--require-hashes'] : []), '--requirement', list],
        total: set.isLocked ? set.requirements.length : undefined,
        print: key,
        isWithoutPip: true,
        words,
        python: found,
        timeoutMs,
        confine(step, base) {
          const env = { ...step.env, PIP_CACHE_DIR: cache };
          if (account !== undefined) chownSync(venvOf(key), account.uid, account.gid);
          const writable = [venvOf(key), cache];
          const facts = { sandbox, account, python: base, writable, readable: [list], work, hidden: options.hidden };
          return confinedStep({ ...step, env }, facts);
        },
        ...waiter,
        signal: AbortSignal.any([waiter.signal, bound.signal]),
      });
      if (bound.signal.aborted) {
        await rm(placeOf(key), { recursive: true, force: true });
        log.warn({ key, mostBytes }, 'an installation took more of the disk than one may');
        return { problem: tooLarge(mostBytes) };
      }
      if (!result.isInstalled) {
        if (!waiter.signal.aborted)
          log.warn({ key, problem: result.problem }, 'installing packages of a template failed');
        return { problem: result.problem };
      }
      const environment = environmentOf(key, result);
      const seconds = Math.round((clock.now() - startedAt) / 1000);
      log.info({ key, packages: environment.packages, seconds }, 'packages of a template are installed');
      whole.add(key);
      return environment;
    } finally {
      await bound.close();
      await rm(work, { recursive: true, force: true });
    }
  }

  function begin(key: string, set: PackageSet, found: Python): Work {
    const waiting: Waiting = { waiters: new Set(), abort: new AbortController() };
    const done = work(key, set, found, waiting).finally(() => works.delete(key));
    const begun = Object.assign(waiting, { done });
    works.set(key, begun);
    return begun;
  }

  function waitFor(work: Work, waiter: Waiter): Promise<Result> {
    work.waiters.add(waiter);
    if (work.last) waiter.onProgress(work.last);
    const leave = (): void => {
      work.waiters.delete(waiter);
      if (work.waiters.size === 0) work.abort.abort();
    };
    waiter.signal.addEventListener('abort', leave, { once: true });
    if (waiter.signal.aborted) leave();
    return work.done.finally(() => waiter.signal.removeEventListener('abort', leave));
  }

  return {
    async missing() {
      const found = await pythonHere();
      return 'kind' in found ? found : undefined;
    },
    async find(set) {
      const found = await pythonHere();
      return 'kind' in found ? undefined : present(keyOf(set, found));
    },
    async install(set, waiter) {
      const found = await pythonHere();
      if ('kind' in found) return { problem: found };
      const key = keyOf(set, found);
      let own = works.get(key);
      // What is being cut is not waited for: the next one begins when it is gone.
      while (own?.abort.signal.aborted) {
        await own.done;
        own = works.get(key);
      }
      return waitFor(own ?? begin(key, set, found), waiter);
    },
    doubt: (key) => void whole.delete(key),
    async removeUnused(used) {
      const now = clock.now();
      for (const key of existsSync(folder) ? readdirSync(folder) : []) {
        if (key.startsWith('.') || works.has(key)) continue;
        if (used.has(key)) utimesSync(placeOf(key), new Date(now), new Date(now));
        else if (now - statSync(placeOf(key)).mtimeMs > unusedMs) {
          log.info({ key }, 'packages that no service used for a month are removed');
          whole.delete(key);
          await rm(placeOf(key), { recursive: true, force: true });
        }
      }
    },
  };
}

/** Made by another Knot of this machine, whose accounts are others: what is in it can be fetched again. */
async function giveCache(cache: string, account: Account): Promise<void> {
  await rm(cache, { recursive: true, force: true });
  mkdirSync(cache, { mode: 0o700 });
  chownSync(cache, account.uid, account.gid);
}
