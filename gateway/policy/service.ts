import { LRUCache } from 'lru-cache';
import type { AuthorizationRequest, Clock, Decision, Log } from '../lib/index.ts';
import { decide, prepare, releaseSlot, type RuleSet, takeSlot } from './engine.ts';
import { type Explanation, explain } from './explain.ts';
import { fallbackSet } from './fallback.ts';
import { readFolder, type Snapshot } from './folder.ts';
import { keyOf, maxKeyLength } from './key.ts';
import { type Loaded, load } from './load.ts';
import { formatProblems } from './print.ts';
import type { PolicyProblem, PolicyStatus } from './status.ts';
import { watchFolder } from './watch.ts';

export type { Explanation } from './explain.ts';

export type Policy = {
  /** Synchronous and cached: the hot path. Never throws; whatever goes wrong is a denial. */
  decide(request: AuthorizationRequest): Decision;
  explain(request: AuthorizationRequest): Explanation;
  status(): PolicyStatus;
  /** Reads the folder now; swaps when it is valid, keeps the set in force when it is not. */
  reload(): Promise<PolicyStatus>;
  /** After each swap and each refused reload. */
  onReload(listener: (status: PolicyStatus) => void): () => void;
  close(): Promise<void>;
};

/** What a reload came to, flat enough for an audit entry. */
export type PolicyReload = {
  outcome: 'loaded' | 'refused';
  /** The set in force afterwards, and before. */
  version: string;
  previousVersion: string;
  files: number;
  rules: number;
  casesPassed: number;
  problems: number;
  /** `default.cedar:12:5 error: …` */
  firstProblem?: string;
};

export type PolicyOptions = {
  folder: string;
  clock: Clock;
  log: Log;
  /** Follow changes of the folder; `polling` for network file systems. False by default. */
  watch?: boolean | 'polling';
  /** Hears of each swap and each refused reload, the first load included. */
  recordReload?: (reload: PolicyReload) => void;
  /** Remembers across starts which bytes passed every check, so that a start does not repeat it. */
  verified?: VerifiedSets;
};

/** Keyed by a hash over all files of the folder; whoever keeps it must forget it when the engine changes. */
export type VerifiedSets = {
  /** How many cases that folder passed, if it passed. */
  find(hash: string): Promise<number | undefined>;
  keep(hash: string, casesPassed: number): Promise<void>;
};

const maxDecisions = 100_000;
const keptLastGood = 'policies refused; the last good set stays in force';
const startedWithout = 'no valid policies; until they are corrected only the admin pages are open, to active admins';
const settleMs = 100;
const settleTries = 8;

/**
 * Loads the folder and keeps following it. A folder that is not valid at the first load does not stop the start: then the
 * built-in fallback is in force, which permits active admins to `administer` and nothing else, and `status()` names the problems.
 */
export async function createPolicy(options: PolicyOptions): Promise<Policy> {
  const { folder, clock, log, recordReload } = options;
  const slot = takeSlot();
  const cache = new LRUCache<string, Decision>({ max: maxDecisions });
  const listeners = new Set<(status: PolicyStatus) => void>();
  let set: RuleSet = fallbackSet();
  let status: PolicyStatus = {
    version: set.version,
    loadedAt: clock.now(),
    isCurrent: false,
    files: [],
    problems: [],
    casesPassed: 0,
  };
  let lastHash = '';
  let queue: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  prepare(slot.live, set.rules);

  async function apply(snapshot: Snapshot): Promise<void> {
    if (snapshot.hash === lastHash) return;
    const loaded = await tryLoad(snapshot, await options.verified?.find(snapshot.hash));
    if (isClosed) return;
    lastHash = snapshot.hash;
    if (loaded.set) {
      // From here to the end of the swap nothing waits, so that no request is judged by half a set.
      const failures = prepare(slot.live, loaded.set.rules).map(engineProblem);
      loaded.problems.push(...failures);
      if (failures.length > 0) loaded.set = undefined;
    }
    const previousVersion = set.version;
    const { files, problems, casesPassed } = loaded;
    if (loaded.set) {
      set = loaded.set;
      cache.clear();
      status = { version: set.version, loadedAt: clock.now(), isCurrent: true, files, problems, casesPassed };
      options.verified?.keep(snapshot.hash, casesPassed).catch((error: unknown) => {
        log.warn({ err: error }, 'what was verified could not be remembered');
      });
      log.info({ version: set.version, rules: set.rules.length, cases: casesPassed }, 'policies loaded');
    } else {
      status = { ...status, isCurrent: false, files, problems, casesPassed };
      for (const { message: problem, ...place } of problems)
        log.error({ ...place, problem }, 'the policy files have a problem');
      log.error({ version: set.version, problems: problems.length }, set.isFallback ? startedWithout : keptLastGood);
    }
    tell(previousVersion);
  }

  async function tryLoad(snapshot: Snapshot, verifiedCases: number | undefined): Promise<Loaded> {
    try {
      return await load(snapshot, slot.candidate, verifiedCases);
    } catch (error) {
      log.error({ err: error }, 'the policy engine failed');
      return {
        set: undefined,
        files: [],
        problems: [engineProblem('the policy engine failed; see the log')],
        casesPassed: 0,
      };
    }
  }

  function tell(previousVersion: string): void {
    const firstError = status.problems.find(({ severity }) => severity === 'error');
    guard(() =>
      recordReload?.({
        outcome: status.isCurrent ? 'loaded' : 'refused',
        version: status.version,
        previousVersion,
        files: status.files.length,
        rules: set.rules.length,
        casesPassed: status.casesPassed,
        problems: status.problems.length,
        ...(firstError ? { firstProblem: formatProblems([firstError], '').replace(/^\//, '') } : {}),
      }),
    );
    for (const listener of listeners) guard(() => listener(status));
  }

  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      log.error({ err: error }, 'a listener to policy reloads failed');
    }
  }

  /** Reads one after the other, so that an older reading never replaces a newer one. */
  function enqueue(read: () => Promise<Snapshot>): Promise<PolicyStatus> {
    const done = queue.then(async () => {
      if (!isClosed) await apply(await read());
      return status;
    });
    queue = done.catch(() => undefined);
    return done;
  }

  function decideNow(request: AuthorizationRequest): Decision {
    if (isClosed) return { effect: 'deny', rules: [], policyVersion: set.version, reason: 'not_loaded' };
    const decision = decide(slot.live, set, request);
    if (decision.reason === 'evaluation_error') {
      const { principal, action, resource } = request;
      log.warn(
        { subject: principal.username, action, resource: resource.id, rules: decision.rules.map(({ rule }) => rule) },
        'a rule could not be evaluated; denied',
      );
    }
    return decision;
  }

  await enqueue(() => readFolder(folder));
  const stopWatching = options.watch
    ? await watchFolder({
        folder,
        log,
        usePolling: options.watch === 'polling',
        onChange: () => {
          enqueue(() => readSettled(folder)).catch((error: unknown) =>
            log.error({ err: error }, 'reloading the policies failed'),
          );
        },
      })
    : undefined;
  // A change between the first reading and the start of the watch would go unseen.
  if (stopWatching) await enqueue(() => readFolder(folder));

  return {
    decide(request) {
      const key = keyOf(request, set.facts);
      const known = cache.get(key);
      if (known) return known;
      const decision = decideNow(request);
      if (key.length <= maxKeyLength && !isClosed) cache.set(key, decision);
      return decision;
    },
    explain: (request) => explain(set, request, decideNow(request)),
    status: () => status,
    reload: () => enqueue(() => readFolder(folder)),
    onReload(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      cache.clear();
      listeners.clear();
      await stopWatching?.();
      await queue;
      releaseSlot(slot);
    },
  };
}

/** Reads until two readings are equal, so that a file an editor is still writing is not taken for a finished one. */
async function readSettled(folder: string): Promise<Snapshot> {
  let snapshot = await readFolder(folder);
  for (let attempt = 0; attempt < settleTries; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const next = await readFolder(folder);
    if (next.hash === snapshot.hash) return next;
    snapshot = next;
  }
  return snapshot;
}

function engineProblem(message: string): PolicyProblem {
  return { file: '', line: 0, column: 0, severity: 'error', kind: 'file', message };
}
