import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../gateway/kube/index.ts';
import { applied, type Holders, merged, written } from './apply.ts';

/** Which objects a request is about: `/apis/apps/v1/namespaces/ann/deployments/web/status`. */
export type Place = {
  group: string;
  plural: string;
  namespace: string | undefined;
  name: string | undefined;
  part: string | undefined;
};
export type Change = {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
  before?: KubeObject;
};
/** A request that fails, as the API server says it. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

type Held = { object: KubeObject; holders: Holders };
type Collection = { held: Map<string, Held>; changes: Change[]; listeners: Set<(change: Change) => void> };

/** The objects of a cluster with one counter of versions, and what happened to them. */
export function createObjects() {
  const collections = new Map<string, Collection>();
  let version = 100;

  function collection({ group, plural }: Pick<Place, 'group' | 'plural'>): Collection {
    const key = `${group}/${plural}`;
    let found = collections.get(key);
    if (found === undefined) collections.set(key, (found = { held: new Map(), changes: [], listeners: new Set() }));
    return found;
  }
  const keyOf = (place: Place) => `${place.namespace ?? ''}/${place.name}`;

  function find(place: Place): Held {
    const held = collection(place).held.get(keyOf(place));
    if (held === undefined) throw new Refusal(404, 'NotFound', `${place.plural} "${place.name}" not found`);
    return held;
  }

  function put(place: Place, after: KubeObject, held: Held | undefined, holders: Holders, isDry: boolean): KubeObject {
    const before = held?.object;
    if (before !== undefined) {
      const { uid, resourceVersion, creationTimestamp } = before.metadata;
      after.metadata = {
        ...after.metadata,
        uid: uid!,
        resourceVersion: resourceVersion!,
        creationTimestamp: creationTimestamp!,
      };
      if (isDeepStrictEqual(before, after)) return before;
    }
    if (place.namespace !== undefined) after.metadata.namespace = place.namespace;
    if (isDry) return after;
    const isOver = after.metadata.deletionTimestamp !== undefined && (after.metadata.finalizers ?? []).length === 0;
    after.metadata.resourceVersion = String(++version);
    if (before === undefined) {
      after.metadata.uid = randomUUID();
      after.metadata.creationTimestamp = new Date().toISOString();
    }
    const { held: all, changes, listeners } = collection(place);
    const type = isOver ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
    if (isOver) all.delete(keyOf(place));
    else all.set(keyOf(place), { object: after, holders });
    const change: Change = { version, type, object: after, ...(before && { before }) };
    changes.push(change);
    for (const listener of [...listeners]) listener(change);
    return after;
  }

  /** What is written must be of the version that is there, where it names one. */
  function compare(found: KubeObject, given: unknown): void {
    const wanted = (given as KubeObject | undefined)?.metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== found.metadata.resourceVersion)
      throw new Refusal(
        409,
        'Conflict',
        'the object has been modified; please apply your changes to the latest version',
      );
  }

  return {
    version: () => version,
    changesSince: (place: Place, since: number) => collection(place).changes.filter((one) => one.version > since),
    listen(place: Place, listener: (change: Change) => void): () => void {
      const { listeners } = collection(place);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    all: (place: Place) =>
      [...collection(place).held.values()]
        .map(({ object }) => object)
        .filter(({ metadata }) => place.namespace === undefined || metadata.namespace === place.namespace),
    get: (place: Place) => find(place).object,
    create(place: Place, given: KubeObject, manager: string, isDry: boolean): KubeObject {
      if (given.metadata.name === undefined) throw new Refusal(422, 'Invalid', 'metadata.name: Required value');
      const at = { ...place, name: given.metadata.name };
      if (collection(at).held.has(keyOf(at)))
        throw new Refusal(409, 'AlreadyExists', `${at.plural} "${at.name}" already exists`);
      const holders: Holders = new Map();
      written(holders, {}, given, manager);
      return put(at, structuredClone(given), undefined, holders, isDry);
    },
    replace(place: Place, given: KubeObject, manager: string): KubeObject {
      const held = find(place);
      compare(held.object, given);
      written(held.holders, held.object, given, manager);
      return put(place, structuredClone(given), held, held.holders, false);
    },
    merge(place: Place, patch: unknown, manager: string): KubeObject {
      const held = find(place);
      compare(held.object, patch);
      const after = merged(held.object, patch) as KubeObject;
      written(held.holders, held.object, after, manager);
      return put(place, after, held, held.holders, false);
    },
    apply(place: Place, given: KubeObject, manager: string, force: boolean, isDry: boolean): KubeObject {
      const held = collection(place).held.get(keyOf(place));
      const holders: Holders = new Map([...(held?.holders ?? [])].map(([key, by]) => [key, new Set(by)]));
      const { object, conflicts } = applied(held?.object, holders, given, manager, force);
      if (conflicts.length > 0)
        throw new Refusal(409, 'Conflict', `Apply failed with ${conflicts.length} conflict: ${conflicts.join(', ')}`);
      if (held !== undefined && !isDry) held.holders = holders;
      return put(place, structuredClone(object) as KubeObject, held, holders, isDry);
    },
    remove(place: Place, options: { preconditions?: { uid?: string } } | undefined): KubeObject {
      const held = find(place);
      const uid = options?.preconditions?.uid;
      if (uid !== undefined && uid !== held.object.metadata.uid)
        throw new Refusal(409, 'Conflict', 'the UID in the precondition does not match the UID in record');
      const after = structuredClone(held.object);
      after.metadata.deletionTimestamp = new Date().toISOString();
      return put(place, after, held, held.holders, false);
    },
  };
}
export type Objects = ReturnType<typeof createObjects>;
