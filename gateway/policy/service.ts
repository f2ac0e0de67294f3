import { LRUCache } from 'lru-cache';
import { type AuthorizationRequest, type Clock, type Decision, every, type Log } from '../lib/index.ts';
import { type CandidateOutcome, tryCandidate } from './candidate.ts';
import { freshCedar } from './cedar.ts';
import { createEngine, type Engine, engineFailed } from './engine.ts';
import { type Explanation, explain } from './explain.ts';
import { fallbackSet, fallbackVersion } from './fallback.ts';
import { readFolder, type Snapshot } from './folder.ts';
import { keyOf, maxKeyLength } from './key.ts';
import { formatProblems } from './print.ts';
import { parsePassed } from './rule-set.ts';
import { type PolicyProblem, type PolicyStatus, readFiles } from './status.ts';
import { watchFolder } from './watch.ts';

export type { Explanation } from './explain.ts';

export type Policy = {
  /** Synchronous and cached: the hot path. Never throws; whatever goes wrong is a denial. */
  decide(request: AuthorizationRequest): Decision;
  /** Why it is so, and what would have to be otherwise; requests are served meanwhile. */
  explain(request: AuthorizationRequest): Promise<Explanation>;
  status(): PolicyStatus;
  /** Whether a rule in force looks at an attribute of this name, of whatever. */
  looksAt(attribute: string): boolean;
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
  recordReload: (reload: PolicyReload) => void;
  /** Remembers across starts which bytes passed every check, so that a start does not repeat it. */
  verified?: VerifiedSets;
};

/** The hash is over all files of the folder; whoever keeps it must forget it when the engine changes. */
export type VerifiedSets = {
  /** What is remembered of the last set in force: which bytes passed, with how many cases, and since when it is in force. */
  find(): Promise<Verified | undefined>;
  keep(verified: Verified): Promise<void>;
};

export type Verified = {
  hash: string;
  casesPassed: number;
  /** Of the set; files with other cases may have the same. */
  version: string;
  /** Epoch milliseconds. */
  inForceSince: number;
};

const maxDecisions = 100_000;
/** Rules that are named by all of them: a set of many rules that all apply must not fill the memory. */
const maxReferences = 1_000_000;
const keptLastGood = 'policies refused; the last good set stays in force';
const startedWithout = 'no valid policies; until they are corrected only the admin pages are open, to active admins';
const firstRetryMs = 5_000;
const longestRetryMs = 600_000;
/** How often the folder is read although nobody told of a change: a note of the system can be lost (no file descriptor, a network file system). */
const lookAgainMs = 60_000;
const settleMs = 100;
const settleTries = 8;

/**
 * Loads the folder and keeps following it. A folder that is not valid at the first load does not stop the start: then the
 * built-in fallback is in force, which permits active admins to `administer` and nothing else, and `status()` names the problems.
 */
export async function createPolicy(options: PolicyOptions): Promise<Policy> {
  const { folder, clock, log, recordReload } = options;
  const cache = new LRUCache<string, Decision>({ max: maxDecisions, maxSize: maxReferences, sizeCalculation: sizeOf });
  const listeners = new Set<(status: PolicyStatus) => void>();
  const onBroken = (error: unknown): void =>
    log.error({ err: error }, 'the policy engine failed; it is replaced and the set in force loaded anew');
  const firstCedar = freshCedar();
  let engine: Engine = createEngine(await fallbackSet(firstCedar), firstCedar, onBroken);
  let status: PolicyStatus = {
    version: fallbackVersion,
    loadedAt: clock.now(),
    isCurrent: false,
    files: [],
    problems: [],
    casesPassed: 0,
  };
  let lastHash = '';
  let queue: Promise<unknown> = Promise.resolve();
  let waiting: Promise<PolicyStatus> | undefined;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  let retries = 0;

  async function apply(snapshot: Snapshot): Promise<void> {
    if (snapshot.hash === lastHash) return;
    clearTimeout(retry);
    const known = await options.verified?.find().catch(noteFailure);
    const outcome: CandidateOutcome =
      known?.hash === snapshot.hash
        ? {
            problems: [...snapshot.problems],
            casesPassed: known.casesPassed,
            ruleCounts: new Map(),
            isConclusive: true,
          }
        : await tryCandidate(snapshot);
    if (isClosed) return;
    if (outcome.failure !== undefined) log.error({ reason: outcome.failure }, 'checking the policies failed');
    const next = await enginePassed(snapshot, outcome);
    if (isClosed) return;
    const { problems, casesPassed } = outcome;
    const previousVersion = status.version;
    lastHash = snapshot.hash;
    if (next) {
      const { version, rules } = next.set;
      // From here to the end of the swap nothing waits, so that no request is judged by half a set.
      engine = next;
      cache.clear();
      status = {
        version,
        loadedAt: sinceWhen(version, known),
        isCurrent: true,
        files: readFiles(snapshot, countsOf(next)),
        problems,
        casesPassed,
      };
      const verified = { hash: snapshot.hash, casesPassed, version, inForceSince: status.loadedAt };
      options.verified?.keep(verified).catch(noteFailure);
      log.info({ version, rules: rules.length, cases: casesPassed }, 'policies loaded');
    } else {
      status = { ...status, isCurrent: false, files: readFiles(snapshot, outcome.ruleCounts), problems };
      for (const { message: problem, ...place } of problems)
        log.error({ ...place, problem }, 'the policy files have a problem');
      const isFallback = status.version === fallbackVersion;
      log.error({ version: status.version, problems: problems.length }, isFallback ? startedWithout : keptLastGood);
    }
    retryLater(outcome);
    tell(previousVersion);
  }

  /** The set in an instance of its own: the one that decides meets nothing new. Undefined, with a problem, when it did not pass. */
  async function enginePassed(snapshot: Snapshot, { problems }: CandidateOutcome): Promise<Engine | undefined> {
    if (problems.some(({ severity }) => severity === 'error')) return undefined;
    try {
      const cedar = freshCedar();
      return createEngine(await parsePassed(cedar, snapshot), cedar, onBroken);
    } catch (error) {
      log.error({ err: error }, 'the policy engine could not load a set that passed');
      problems.push(engineProblem('the policy engine could not load the files; see the log'));
      return undefined;
    }
  }

  /** Text that was in force before is not "new" when it comes back, nor after a restart. */
  function sinceWhen(version: string, known: Verified | undefined): number {
    if (version === status.version) return status.loadedAt;
    return known?.version === version ? Math.min(known.inForceSince, clock.now()) : clock.now();
  }

  /** What could not be tried here and now (no process could be started, the machine is too busy) is tried again, ever more rarely. */
  function retryLater({ isConclusive }: CandidateOutcome): void {
    if (isConclusive) {
      retries = 0;
      return;
    }
    lastHash = '';
    if (!options.watch || isClosed) return;
    const wait = Math.min(firstRetryMs * 4 ** retries, longestRetryMs);
    retries += 1;
    retry = setTimeout(() => void enqueue(() => readFolder(folder)).catch(noteFailure), wait);
    retry.unref();
  }

  function noteFailure(error: unknown): undefined {
    log.warn({ err: error }, 'following the policies failed in part');
    return undefined;
  }

  function tell(previousVersion: string): void {
    const firstError = status.problems.find(({ severity }) => severity === 'error');
    guard(() =>
      recordReload?.({
        outcome: status.isCurrent ? 'loaded' : 'refused',
        version: status.version,
        previousVersion,
        files: status.files.length,
        rules: engine.set.rules.length,
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

  /**
   * Reads one after the other, so that an older reading never replaces a newer one. Who comes while one waits to begin shares
   * it: changes that come faster than they can be checked do not pile up.
   */
  function enqueue(read: () => Promise<Snapshot>): Promise<PolicyStatus> {
    if (waiting) return waiting;
    const done = queue.then(async () => {
      waiting = undefined;
      if (!isClosed) await apply(await read());
      return status;
    });
    waiting = done;
    queue = done.catch(() => undefined);
    return done;
  }

  function decideNow(request: AuthorizationRequest): Decision {
    if (isClosed) return { effect: 'deny', rules: [], policyVersion: status.version, reason: 'not_loaded' };
    const decision = engine.decide(request);
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
          void enqueue(() => readSettled(folder)).catch(noteFailure);
        },
      })
    : undefined;
  // A change between the first reading and the start of the watch would go unseen.
  if (stopWatching) await enqueue(() => readFolder(folder));
  const lookAgain = options.watch
    ? every(lookAgainMs, readAgain, { log, complaint: 'reading the policies again failed' })
    : undefined;

  /** What is tried again by itself has a pace of its own. */
  async function readAgain(): Promise<void> {
    if (lastHash !== '') await enqueue(() => readSettled(folder)).catch(noteFailure);
  }

  return {
    decide(request) {
      const key = keyOf(request, engine.set.facts);
      const known = cache.get(key);
      if (known) return known;
      const decision = decideNow(request);
      if (key.length <= maxKeyLength && !isClosed && decision.reason !== engineFailed) cache.set(key, decision);
      return decision;
    },
    explain: (request) => explain(engine, request, decideNow(request)),
    status: () => status,
    looksAt: (attribute) => engine.set.facts.attributes.has(attribute),
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
      clearTimeout(retry);
      await lookAgain?.stop();
      await queue;
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

const sizeOf = ({ rules }: Decision): number => 1 + rules.length;

function countsOf({ set }: Engine): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { source } of set.rules) counts.set(source.name, (counts.get(source.name) ?? 0) + 1);
  return counts;
}

function engineProblem(message: string): PolicyProblem {
  return { file: '', line: 0, column: 0, severity: 'error', kind: 'file', message };
}
