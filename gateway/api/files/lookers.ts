import { type Area as OwnedArea } from '../../owners/index.ts';
import { areaOfKey, type Files, keyOf } from '../../files/index.ts';
import { every, type Log } from '../../lib/index.ts';
import type { Topic } from '../contract.ts';
import type { Place } from './places.ts';

/** What somebody who looks is told: `id` is how they themselves address the place. */
export type Sight = { userId: string; topic: Extract<Topic, 'files' | 'areas'>; id: string; place: Place };

/**
 * Who looks at which folders: what a person has listed last in a browser, while they have an event stream open (decision 0048). Nothing
 * here is a right: whoever is told is judged at each telling.
 */
export type Lookers = {
  /** A page of this person shows a folder. To be called before it is read, with what the reading then takes, in milliseconds. */
  looksAt(userId: string, place: Place, address: string): { tookMs(ms: number): void };
  /** A page of this person shows how full areas are. */
  looksAtAreas(userId: string, areas: readonly OwnedArea[]): void;
  /** A page of this person listens; the result is called when it does no more. */
  listens(userId: string): () => void;
  onChange(hear: (sight: Sight) => void): () => void;
  close(): Promise<void>;
};

/** Of one person: as many as they may have pages that listen. */
const mostOfOnePerson = 32;
const mostOfAll = 20_000;
/** A page reads first and listens then, and comes back after a broken line. */
const graceMs = 30_000;
/** What an act adds to an area is told at once, what follows after a pause: a number on a page needs no more. */
const areaRestMs = 5_000;
/** Until the first reading has been measured. */
const usualCostMs = 5;

type Look = { sight: Sight; stop: () => void };
type Person = { streams: number; leftAt: number; looks: Map<string, Look>; areas: readonly OwnedArea[] };

export function createLookers({ files, log }: { files: Files | undefined; log: Log }): Lookers {
  const people = new Map<string, Person>();
  const hearers = new Set<(sight: Sight) => void>();
  const resting = new Map<string, { timer: NodeJS.Timeout; isChanged: boolean }>();
  let count = 0;

  function personOf(userId: string): Person {
    const person = people.get(userId) ?? { streams: 0, leftAt: performance.now(), looks: new Map(), areas: [] };
    // The one that looked last is the last to be forgotten.
    people.delete(userId);
    people.set(userId, person);
    return person;
  }

  function tell(sight: Sight): void {
    for (const hear of hearers) hear(sight);
  }

  function drop(looks: Map<string, Look>, id: string): void {
    const look = looks.get(id);
    if (look === undefined) return;
    looks.delete(id);
    count -= 1;
    look.stop();
  }

  function forget(userId: string, { looks }: Person): void {
    for (const id of [...looks.keys()]) drop(looks, id);
    people.delete(userId);
  }

  function bound(looks: Map<string, Look>): void {
    if (looks.size > mostOfOnePerson) drop(looks, looks.keys().next().value!);
    if (count <= mostOfAll) return;
    for (const { looks: others } of people.values()) {
      const [first] = others.keys();
      if (first !== undefined) return drop(others, first);
    }
  }

  function tellAreas(key: string): void {
    const pause = resting.get(key);
    if (pause) return void (pause.isChanged = true);
    const timer = setTimeout(() => {
      const isChanged = resting.get(key)?.isChanged;
      resting.delete(key);
      if (isChanged) tellAreas(key);
    }, areaRestMs).unref();
    resting.set(key, { timer, isChanged: false });
    const disk = areaOfKey(key)!;
    for (const [userId, { areas }] of people) {
      const area = areas.find((one) => one.key === key);
      if (area) tell({ userId, topic: 'areas', id: area.name, place: { area, disk, path: [] } });
    }
  }

  const stopHearing = files?.onChange((area) => tellAreas(keyOf(area)));
  const loop = every(
    graceMs / 3,
    () => {
      const before = performance.now() - graceMs;
      for (const [userId, person] of people) {
        if (person.streams === 0 && person.leftAt <= before) forget(userId, person);
      }
    },
    { log, complaint: 'forgetting who looks at files failed' },
  );

  return {
    looksAt(userId, place, address) {
      const person = personOf(userId);
      const { looks } = person;
      if (person.streams === 0) person.leftAt = performance.now();
      drop(looks, address);
      const sight: Sight = { userId, topic: 'files', id: address, place };
      const follower = { costMs: usualCostMs, hear: () => tell(sight) };
      const stop = files?.follow(place.disk, place.path, follower) ?? (() => undefined);
      looks.set(address, { sight, stop });
      count += 1;
      bound(looks);
      return { tookMs: (ms) => void (follower.costMs = ms) };
    },
    looksAtAreas(userId, areas) {
      const person = personOf(userId);
      if (person.streams === 0) person.leftAt = performance.now();
      person.areas = areas;
    },
    listens(userId) {
      personOf(userId).streams += 1;
      return () => {
        const person = people.get(userId);
        if (person === undefined) return;
        person.streams -= 1;
        person.leftAt = performance.now();
      };
    },
    onChange(hear) {
      hearers.add(hear);
      return () => void hearers.delete(hear);
    },
    async close() {
      stopHearing?.();
      await loop.stop();
      for (const { timer } of resting.values()) clearTimeout(timer);
      for (const [userId, person] of people) forget(userId, person);
    },
  };
}
