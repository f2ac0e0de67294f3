import type { Dispatcher } from 'undici';
import { type Clock, knotError, type Log, systemTimers } from '../lib/index.ts';
import type { KubeRequest } from './request.ts';
import { faultOf, isKubeFault, type Status, statusIn, unreachable } from './faults.ts';
import { type Kind, pathOf } from './kinds.ts';
import { linesOf } from './lines.ts';
import type { KubeObject } from './objects.ts';
import { type Pace, pause, pauseAfter } from './pace.ts';

/** What of a kind is followed. */
export type Followed = {
  kind: Kind;
  namespace?: string | undefined;
  /** Selector of labels: `knot/owner,app!=x`. */
  labels?: string | undefined;
  /** Selector of fields. */
  fields?: string | undefined;
  /** Only names, labels and annotations are asked for. */
  metadataOnly?: boolean | undefined;
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

type Listed = { items: KubeObject[]; metadata: { resourceVersion: string; continue?: string } };
type Told = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: KubeObject };

const pageSize = 500;
/** Objects are at most 1.5 MiB in etcd; JSON and what is deprecated of it make it more. */
const mostLineBytes = 16 * 1024 * 1024;
const partial = (what: string) => `application/json;as=${what};v=v1;g=meta.k8s.io`;

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
  const failed = (error: unknown) => {
    failures += 1;
    follower.failed(error);
    // A version that a server does not know (it was restored, say) is refused as a time-out: do not insist on it.
    if (failures % 3 === 0 || isKubeFault(error, 'KNOT_KUBE_GONE')) version = undefined;
    log.debug({ err: error, kind: what, failures }, 'following objects of the cluster failed');
  };
  while (!signal.aborted) {
    try {
      version ??= await list(followed, follower, parts, signal);
      const ended = await watch(followed, follower, parts, signal, {
        version,
        told: (to) => {
          version = to;
          failures = 0;
        },
      });
      if (signal.aborted) return;
      if (ended === 'silent') version = undefined;
      if (ended === 'lived') failures = 0;
      else if (ended === 'short') failed(unreachable(new Error('the watch ended at once'), `watch of ${what}`));
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
    }
    if (failures > 0) await pause(pauseAfter(failures, pace), signal, { isBackground: true });
  }
}

/** Tells the follower all that is there, page after page, and gives the version that it was so. */
async function list(
  { kind, namespace, labels, fields, metadataOnly }: Followed,
  follower: Follower,
  { ask }: FollowParts,
  signal: AbortSignal,
): Promise<string> {
  const accept = metadataOnly ? `${partial('PartialObjectMetadataList')},application/json` : 'application/json';
  const query = { labelSelector: labels, fieldSelector: fields };
  const path = pathOf(kind, namespace);
  const page = (more: KubeRequest['query']) =>
    ask<Listed>({ method: 'GET', path, query: { ...query, ...more }, headers: { accept }, signal });
  let all = follower.begin();
  let next: string | undefined;
  for (;;) {
    let answer: Listed;
    try {
      answer = await page({ limit: pageSize, continue: next });
    } catch (error) {
      if (next === undefined || !isKubeFault(error, 'KNOT_KUBE_GONE')) throw error;
      // The pages took longer than the API server remembers: all of it at once.
      all = follower.begin();
      answer = await page({});
    }
    // Objects in a list do not say what they are.
    for (const item of answer.items) all.listed(Object.assign(item, { apiVersion: kind.apiVersion, kind: kind.kind }));
    next = answer.metadata.continue || undefined;
    if (next !== undefined) continue;
    all.end();
    follower.current();
    return answer.metadata.resourceVersion;
  }
}

/**
 * Tells the follower what happens, until the API server ends the watch. `lived`: it was a good one; `short`: it ended at once without a
 * word, as of a server that goes down; `silent`: nothing was heard for too long.
 */
async function watch(
  { kind, namespace, labels, fields, metadataOnly }: Followed,
  follower: Follower,
  { send, clock, pace }: FollowParts,
  signal: AbortSignal,
  { version, told }: { version: string; told: (version: string) => void },
): Promise<'lived' | 'short' | 'silent'> {
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
      method: 'GET',
      path: pathOf(kind, namespace),
      query: {
        ...{ labelSelector: labels, fieldSelector: fields, watch: true, allowWatchBookmarks: true },
        ...{ resourceVersion: version, timeoutSeconds: Math.max(1, Math.round(lifeMs / 1000)) },
      },
      headers: { accept: metadataOnly ? `${partial('PartialObjectMetadata')},application/json` : 'application/json' },
      isStream: true,
      signal: AbortSignal.any([signal, over.signal]),
    });
    if (answer.statusCode !== 200) {
      const text = (await answer.body.text()).slice(0, 4096);
      throw faultOf(answer.statusCode, statusIn(text), `watch of ${kind.plural}`);
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
