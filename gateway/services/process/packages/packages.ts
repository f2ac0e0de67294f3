import { chownSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, dayMs, type Log, type ProcessPlan } from '../../../lib/index.ts';
import {
  type Account,
  describeSystemProblem,
  type InstallProgress,
  type Problem,
  type Sandbox,
  type Supervisor,
} from '../../../process/index.ts';
import { lockWhenFree } from '../../../store/index.ts';
import { boundRoom, tooLarge } from './bound-room.ts';
import { confinedStep, prepareWork } from './confined.ts';
import { isProblem, type Made, type Maker } from './maker.ts';
import { createNpmPackages } from './npm-packages.ts';
import type { PackageSet } from './package-set.ts';
import { createPythonPackages } from './python-packages.ts';

/** Where the packages of a template are, for its program. */
export type Environment = Made & { key: string; folder: string };

export type Packages = {
  /** Why there can be none of what a template needs on this machine. */
  missing(needs: ProcessPlan['needs']): Promise<Problem | undefined>;
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

const usualTimeoutMs = 20 * 60_000;
const usualMostBytes = 16 * 1024 ** 3;
const usualLookMs = 1000;
const unusedMs = 30 * dayMs;
/** At a time: each takes a processor. */
const mostAtOnce = 2;

/** Who waits for an installation, and what they heard last. */
type Waiting = { waiters: Set<Waiter>; abort: AbortController; last?: InstallProgress };
type Work = Waiting & { done: Promise<Result> };
type Result = Environment | { problem: Problem };

/** Packages of templates: each set of versions once, for whoever needs it, read-only for all. */
export function createPackages(options: PackagesOptions): Packages {
  const { folder, supervisor, clock, log, timeoutMs = usualTimeoutMs } = options;
  const { mostBytes = usualMostBytes, lookMs = usualLookMs } = options;
  const searchPath = options.searchPath ?? process.env['PATH'] ?? '';
  const works = new Map<string, Work>();
  /** Looked at in this run, and whole. */
  const whole = new Set<string>();
  const tools = { supervisor, searchPath, now: clock.now };
  const python = createPythonPackages(tools);
  const npm = createNpmPackages(tools);
  let busy = 0;

  const placeOf = (key: string) => join(folder, key);
  const environmentAt = (key: string) => join(placeOf(key), 'environment');
  const makerOf = (set: PackageSet): Promise<Maker | Problem> =>
    'lists' in set ? npm.makerOf(set) : python.makerOf(set);

  async function present(maker: Maker): Promise<Environment | undefined> {
    const { key } = maker;
    const folder = environmentAt(key);
    const found = maker.find(folder);
    if (found === undefined) return undefined;
    if (!whole.has(key)) {
      const damage = await maker.damage(folder);
      if (damage !== undefined) {
        log.warn({ key, damage }, 'packages of a template are damaged and installed anew');
        return undefined;
      }
      whole.add(key);
    }
    const now = new Date(clock.now());
    utimesSync(placeOf(key), now, now);
    return { key, folder, ...found };
  }

  async function work(maker: Maker, own: Waiting): Promise<Result> {
    const { key } = maker;
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
      const there = await present(maker);
      if (there !== undefined) return there;
      return await install(maker, { signal, onProgress });
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, key }, 'packages of a template could not be installed');
      return { problem: describeSystemProblem(error, maker.words) };
    } finally {
      lock?.release();
      busy -= 1;
    }
  }

  async function install(maker: Maker, waiter: Waiter): Promise<Result> {
    const { key } = maker;
    const sandbox = await options.sandbox();
    if (!sandbox.isAvailable) {
      const remedy = 'Ask an administrator to install bubblewrap on this machine.';
      return { problem: { kind: 'other', message: `${sandbox.reason}.`, remedy } };
    }
    const account = sandbox.confinement === 'account' ? await options.account() : undefined;
    const cache = join(folder, '.cache');
    const work = join(folder, '.work', key);
    await rm(placeOf(key), { recursive: true, force: true });
    mkdirSync(placeOf(key), { recursive: true, mode: 0o755 });
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    if (account !== undefined && statSync(cache).uid !== account.uid) await giveCache(cache, account);
    // Left by one that was killed.
    await rm(work, { recursive: true, force: true });
    prepareWork(work, account, maker.settings);
    const startedAt = clock.now();
    let isWhole = false;
    const bound = await boundRoom({ folders: [placeOf(key), work, cache], mostBytes, lookMs, clock, log });
    try {
      const made = await maker.make({
        ...{ supervisor, searchPath, timeoutMs, environment: environmentAt(key) },
        list: join(placeOf(key), 'list.txt'),
        confine(step, { readOnly: readable, writable }) {
          const env = { ...step.env, PIP_CACHE_DIR: cache, npm_config_cache: join(cache, 'npm') };
          const sees = { writable: [...writable, cache], readable, work, hidden: options.hidden };
          return confinedStep({ ...step, env }, { sandbox, account, ...sees });
        },
        give: (path) => account && chownSync(path, account.uid, account.gid),
        ...waiter,
        signal: AbortSignal.any([waiter.signal, bound.signal]),
      });
      if (bound.signal.aborted) {
        log.warn({ key, mostBytes }, 'an installation took more of the disk than one may');
        return { problem: tooLarge(mostBytes) };
      }
      if ('problem' in made) {
        if (!waiter.signal.aborted)
          log.warn({ key, problem: made.problem }, 'installing packages of a template failed');
        return made;
      }
      const seconds = Math.round((clock.now() - startedAt) / 1000);
      log.info({ key, packages: made.packages, seconds }, 'packages of a template are installed');
      isWhole = true;
      whole.add(key);
      return { key, folder: environmentAt(key), ...made };
    } finally {
      await bound.close();
      await rm(work, { recursive: true, force: true });
      // On a disk that is full, what is of no use would keep it full.
      if (!isWhole) await rm(placeOf(key), { recursive: true, force: true });
    }
  }

  function begin(maker: Maker): Work {
    const { key } = maker;
    const waiting: Waiting = { waiters: new Set(), abort: new AbortController() };
    const done = work(maker, waiting).finally(() => works.delete(key));
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
    missing: (needs) => (needs.npm === undefined ? python : npm).missing(),
    async find(set) {
      const maker = await makerOf(set);
      return isProblem(maker) ? undefined : present(maker);
    },
    async install(set, waiter) {
      const maker = await makerOf(set);
      if (isProblem(maker)) return { problem: maker };
      const { key } = maker;
      let own = works.get(key);
      // What is being cut is not waited for: the next one begins when it is gone.
      while (own?.abort.signal.aborted) {
        await own.done;
        own = works.get(key);
      }
      return waitFor(own ?? begin(maker), waiter);
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
