import type { Dispatcher } from 'undici';
import { type Clock, knotError, type Log, systemTimers } from '../lib/index.ts';
import type { KubeRequest } from './request.ts';
import { faultOf, isKubeFault, retryOf, type Status, statusIn, unreachable } from './faults.ts';
import type { Kind } from './kinds.ts';
import { linesOf } from './lines.ts';
import type { KubeObject } from './objects.ts';
import { type Pace, pause, pauseAfter } from './pace.ts';
import { listAll, requestOf, type Selection } from './pages.ts';

/** What of a kind is followed. */
export type Followed = Selection & {
  /** Only names, labels and annotations are asked for. */
  metadataOnly?: boolean | undefined;
  /** A cluster that does not know the kind has none of it, which is no fault: its definition may come. */
  isOptional?: boolean | undefined;
};

/** Who hears what is there and what happens to it. */
export type Follower = {
  /** A list begins: what `listed` does not name until it is whole is gone. */
  begin(): { listed(object: KubeObject): void; end(): void };
  changed(object: KubeObject): void;
  deleted(object: KubeObject): void;
  /** The API server said so much that what is known is known to be current. */
  current(): void;
  failed(error: unknown): void;
};

export type FollowParts = {
  /** Sends a request and gives its answer, whatever its status. */
  send(asked: KubeRequest): Promise<Dispatcher.ResponseData>;
  /** The JSON of an answer that is a success. */
  ask<T>(asked: KubeRequest): Promise<T>;
  clock: Clock;
  log: Log;
  pace: Pace;
};

type Told = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: KubeObject };

/** Objects are at most 1.5 MiB in etcd; JSON and what is deprecated of it make it more. */
const mostLineBytes = 16 * 1024 * 1024;
const json = 'application/json';
const partial = (what: string) => `application/json;as=${what};v=v1;g=meta.k8s.io`;

/** So often a kind is looked for that the cluster does not know. */
const unknownMs = 30_000;
/** So many failures in a row are more than a restart of the API server. */
const tellingFailures = 3;

/**
 * Follows objects of a kind from a whole list on, until `signal` says so: list → watch from its version → again from the last version
 * that was told. What was forgotten meanwhile (410), or cannot be trusted (silence, an error, a line that is no JSON), is listed anew.
 * Errors are told and tried again after a pause, without an end.
 */
export async function follow(followed: Followed, follower: Follower, parts: FollowParts, signal: AbortSignal) {
  const { pace, log } = parts;
  const what = followed.kind.plural;
  let version: string | undefined;
  let failures = 0;
  function well(): void {
    if (failures >= tellingFailures) log.info({ kind: what }, 'objects of the cluster are followed again');
    failures = 0;
  }
  function failed(error: unknown): void {
    failures += 1;
    follower.failed(error);
    // A version that a server does not know (it was restored, say) is refused as a time-out: do not insist on it.
    if (failures % 3 === 0 || isKubeFault(error, 'KNOT_KUBE_GONE')) version = undefined;
    const say = failures === tellingFailures ? 'warn' : 'debug';
    log[say]({ err: error, kind: what, failures }, 'objects of the cluster cannot be followed');
  }
  while (!signal.aborted) {
    let leastMs = 0;
    try {
      version ??= await list(followed, follower, parts, signal);
      const told = (to: string) => {
        version = to;
        well();
      };
      const ended = await watch(followed, follower, parts, signal, { version, told });
      if (signal.aborted) return;
      if (ended === 'silent') version = undefined;
      if (ended === 'lived') well();
      else if (ended === 'short') failed(unreachable(new Error('the watch ended at once'), `watch of ${what}`));
    } catch (error) {
      if (signal.aborted) return;
      if (followed.isOptional && isKubeFault(error, 'KNOT_KUBE_NOT_FOUND')) {
        version = undefined;
        none(follower);
        await pause(Math.min(unknownMs, pace.mostPauseMs), signal, { isBackground: true });
        continue;
      }
      failed(error);
      leastMs = Math.min(retryOf(error)?.afterMs ?? 0, pace.mostPauseMs);
    }
    if (failures > 0) await pause(Math.max(leastMs, pauseAfter(failures, pace)), signal, { isBackground: true });
  }
}

/** Tells the follower all that is there, and gives the version that it was so. */
async function list(
  followed: Followed,
  follower: Follower,
  { ask }: FollowParts,
  signal: AbortSignal,
): Promise<string> {
  let all = follower.begin();
  const taken = { begin: () => void (all = follower.begin()), tell: (object: KubeObject) => all.listed(object) };
  const accept = followed.metadataOnly ? `${partial('PartialObjectMetadataList')},${json}` : json;
  const version = await listAll(ask, followed, taken, { accept, signal });
  all.end();
  follower.current();
  return version;
}

/** Tells the follower that there is nothing. */
function none(follower: Follower): void {
  follower.begin().end();
  follower.current();
}

/**
 * Tells the follower what happens, until the API server ends the watch. `lived`: it was a good one; `short`: it ended at once without a
 * word, as of a server that goes down; `silent`: nothing was heard for too long.
 */
async function watch(
  followed: Followed,
  follower: Follower,
  { send, clock, pace }: FollowParts,
  signal: AbortSignal,
  { version, told }: { version: string; told: (version: string) => void },
): Promise<'lived' | 'short' | 'silent'> {
  const { kind, metadataOnly } = followed;
  const { query, ...where } = requestOf(followed);
  const [least, most] = pace.watchMs;
  const lifeMs = least + Math.random() * (most - least);
  const over = new AbortController();
  let why: 'silent' | 'over' | undefined;
  const end = (reason: 'silent' | 'over') => () => {
    why ??= reason;
    over.abort();
  };
  // The API server ends the watch; where it does not, this does.
  const callOffLife = systemTimers.after(lifeMs + 15_000, end('over'));
  let callOffSilence = systemTimers.after(pace.silenceMs, end('silent'));
  const heard = () => {
    callOffSilence();
    callOffSilence = systemTimers.after(pace.silenceMs, end('silent'));
  };
  const began = clock.now();
  let events = 0;
  try {
    const answer = await send({
      ...where,
      query: {
        ...{ ...query, watch: true, allowWatchBookmarks: true, resourceVersion: version },
        timeoutSeconds: Math.max(1, Math.round(lifeMs / 1000)),
      },
      headers: { accept: metadataOnly ? `${partial('PartialObjectMetadata')},${json}` : json },
      isStream: true,
      signal: AbortSignal.any([signal, over.signal]),
    });
    if (answer.statusCode !== 200) {
      const text = (await answer.body.text()).slice(0, 4096);
      const retryAfter = String(answer.headers['retry-after'] ?? '');
      throw faultOf(answer.statusCode, statusIn(text), `watch of ${kind.plural}`, retryAfter);
    }
    for await (const line of linesOf(answer.body, { mostBytes: mostLineBytes, rest: 'drop', onBytes: heard })) {
      const { type, object } = eventIn(line, kind);
      if (type === 'ERROR') throw errorEvent(object as unknown as Status, kind);
      if (type !== 'BOOKMARK') Object.assign(object, { apiVersion: kind.apiVersion, kind: kind.kind });
      if (type === 'DELETED') follower.deleted(object);
      else if (type !== 'BOOKMARK') follower.changed(object);
      events += 1;
      told(object.metadata.resourceVersion!);
      follower.current();
    }
  } catch (error) {
    if (signal.aborted || why === undefined) throw unreachable(error, `watch of ${kind.plural}`);
    return why === 'silent' ? 'silent' : 'lived';
  } finally {
    callOffLife();
    callOffSilence();
    over.abort();
  }
  return events > 0 || clock.now() - began >= pace.goodMs ? 'lived' : 'short';
}

function eventIn(line: string, kind: Kind): Told {
  try {
    const told = JSON.parse(line) as Told;
    if (told.type === 'ERROR' || typeof told.object.metadata.resourceVersion === 'string') return told;
  } catch {
    // Told below: what the line says may be anybody's.
  }
  throw knotError('KNOT_KUBE_GONE', 503, 'The cluster told what cannot be read.', {
    internal: { kubernetes: { what: `watch of ${kind.plural}`, line: line.slice(0, 200) } },
  });
}

/** An error in the middle of a watch: whatever it is, what was told until then may not be all. */
const errorEvent = (status: Status, kind: Kind) => faultOf(410, status, `watch of ${kind.plural}`);
