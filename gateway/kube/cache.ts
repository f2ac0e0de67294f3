import type { Clock } from '../lib/index.ts';
import { follow, type Followed, type FollowParts } from './follow.ts';
import type { Kind } from './kinds.ts';
import type { KubeObject } from './objects.ts';

export type WatchOptions<T> = Omit<Followed, 'kind'> & {
  /**
   * What is kept of an object: as little as is needed. It is given the whole one without its `managedFields`. Where it throws, the
   * object is as one that is not there.
   */
  pick?: (object: KubeObject) => T;
  /** Labels that objects are looked for by. */
  indexLabels?: readonly string[];
};

export type Change = 'added' | 'modified' | 'deleted';

/** How well what is kept is known to be what there is. */
export type CacheHealth = {
  kind: string;
  objects: number;
  /** Whether all there is was seen once. */
  isSynced: boolean;
  /** Since the API server was last heard to say that this is all; a quiet watch hears it about once a minute. Milliseconds. */
  ageMs: number;
  /** What failed last, while nothing was heard since, and for how long it has been so. */
  lastFault?: { at: number; error: unknown };
  troubledMs?: number;
};

/**
 * Objects of a kind as they are now, kept by a list and a watch. While the API server does not answer it is as it was last: `health`
 * tells since when.
 */
export type KubeCache<T = KubeObject> = {
  /** Resolves when all there is was seen once; rejects when it is closed before. */
  ready: Promise<void>;
  /** Of what has no namespace, `namespace` is ''. */
  get(namespace: string, name: string): T | undefined;
  all(): Iterable<T>;
  byNamespace(namespace: string): Iterable<T>;
  /** Those whose label has that value; it must be one of `indexLabels`. */
  byLabel(label: string, value: string): Iterable<T>;
  /**
   * Hears of each change from now on, of what is found at first too. `deleted` tells what was known last. Returns how to stop that.
   * What a listener throws is logged.
   */
  onChange(listener: (object: T, type: Change) => void): () => void;
  health(): CacheHealth;
  close(): void;
};

type Entry<T> = {
  object: T;
  uid: string | undefined;
  version: string | undefined;
  keys: readonly (string | undefined)[];
};

/** Keeps objects of a kind, see `KubeCache`. */
export function createCache<T>(
  kind: Kind,
  { pick = (object) => object as T, indexLabels = [], ...which }: WatchOptions<T>,
  parts: FollowParts,
): KubeCache<T> {
  const { clock, log } = parts;
  /** Namespace, then name. */
  const spaces = new Map<string, Map<string, Entry<T>>>();
  const indexes = indexLabels.map(() => new Map<string, Set<Entry<T>>>());
  const listeners = new Set<(object: T, type: Change) => void>();
  const { promise: ready, resolve: becomeReady, reject } = Promise.withResolvers<void>();
  ready.catch(() => undefined);
  const closing = new AbortController();
  const state = standing(clock);
  let count = 0;
  /** Which one was complained about last. */
  let unreadable: string | undefined;

  function tell(object: T, type: Change): void {
    for (const listener of [...listeners])
      try {
        listener(object, type);
      } catch (error) {
        log.error({ err: error, kind: kind.plural }, 'what follows objects of the cluster failed');
      }
  }

  /** Undefined where `pick` cannot make anything of it: one object, which may be anybody's, must not hide all others of its kind. */
  function read(object: KubeObject): { object: T } | undefined {
    try {
      return { object: pick(object) };
    } catch (error) {
      const { namespace, name, uid } = object.metadata;
      // Its owner may change it as often as they like.
      if (uid !== unreadable) log.warn({ err: error, kind: kind.plural, namespace, name }, 'an object cannot be read');
      unreadable = uid;
      return undefined;
    }
  }

  function put(object: KubeObject): void {
    const { namespace = '', name, uid, resourceVersion: version, labels } = object.metadata;
    const before = spaces.get(namespace)?.get(name);
    if (before !== undefined && before.version === version && before.uid === uid) return;
    // Another one of the same name: who follows hears that the first is gone.
    const isAnother = before !== undefined && before.uid !== uid;
    if (isAnother) take(namespace, name);
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    const picked = read(object);
    // What it was before is no longer true.
    if (picked === undefined) return take(namespace, name);
    const entry = { object: picked.object, uid, version, keys: indexLabels.map((label) => labels?.[label]) };
    if (before !== undefined && !isAnother) unindex(before);
    else count += 1;
    let space = spaces.get(namespace);
    if (space === undefined) spaces.set(namespace, (space = new Map<string, Entry<T>>()));
    space.set(name, entry);
    entry.keys.forEach((key, at) => {
      if (key === undefined) return;
      const found = indexes[at]!.get(key);
      if (found === undefined) indexes[at]!.set(key, new Set([entry]));
      else found.add(entry);
    });
    tell(entry.object, before === undefined || isAnother ? 'added' : 'modified');
  }

  function unindex(entry: Entry<T>): void {
    entry.keys.forEach((key, at) => {
      if (key === undefined) return;
      const found = indexes[at]!.get(key)!;
      found.delete(entry);
      if (found.size === 0) indexes[at]!.delete(key);
    });
  }

  /** Takes one away; `last` is what it was at its end, where that was told. */
  function take(namespace: string, name: string, last?: KubeObject): void {
    const space = spaces.get(namespace);
    const entry = space?.get(name);
    if (entry === undefined) return;
    space!.delete(name);
    if (space!.size === 0) spaces.delete(namespace);
    unindex(entry);
    count -= 1;
    tell((last && read(last)?.object) ?? entry.object, 'deleted');
  }

  const follower = {
    begin() {
      const seen = new Map<string, Set<string>>();
      return {
        listed(object: KubeObject) {
          const { namespace = '', name } = object.metadata;
          const names = seen.get(namespace);
          if (names === undefined) seen.set(namespace, new Set([name]));
          else names.add(name);
          put(object);
        },
        end() {
          for (const [namespace, space] of spaces)
            for (const name of [...space.keys()]) if (!seen.get(namespace)?.has(name)) take(namespace, name);
          state.isSynced = true;
          becomeReady();
        },
      };
    },
    changed: put,
    deleted: (object: KubeObject) => take(object.metadata.namespace ?? '', object.metadata.name, object),
    current: state.current,
    failed: state.failed,
  };
  void follow({ kind, ...which }, follower, parts, closing.signal).catch((error: unknown) =>
    log.error({ err: error, kind: kind.plural }, 'following objects of the cluster ended'),
  );

  return {
    ready,
    get: (namespace, name) => spaces.get(namespace)?.get(name)?.object,
    *all() {
      for (const space of spaces.values()) for (const { object } of space.values()) yield object;
    },
    *byNamespace(namespace) {
      for (const { object } of spaces.get(namespace)?.values() ?? []) yield object;
    },
    *byLabel(label, value) {
      const at = indexLabels.indexOf(label);
      if (at === -1) throw new Error(`${kind.plural} are not looked for by ${label}`);
      for (const { object } of indexes[at]!.get(value) ?? []) yield object;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    health: () => ({ kind: kind.plural, objects: count, ...state.health() }),
    close() {
      closing.abort();
      listeners.clear();
      reject(new Error(`what follows ${kind.plural} was closed`));
    },
  };
}

/** Since when what is kept is known to be current, and what failed since. */
function standing(clock: Clock) {
  let heardAt = clock.now();
  let lastFault: CacheHealth['lastFault'];
  let troubledSince: number | undefined;
  const state = {
    isSynced: false,
    current(): void {
      heardAt = clock.now();
      lastFault = undefined;
      troubledSince = undefined;
    },
    failed(error: unknown): void {
      lastFault = { at: clock.now(), error };
      troubledSince ??= clock.now();
    },
    health: () => ({
      isSynced: state.isSynced,
      ageMs: clock.now() - heardAt,
      ...(lastFault && { lastFault }),
      ...(troubledSince !== undefined && { troubledMs: clock.now() - troubledSince }),
    }),
  };
  return state;
}
