import type { Route } from '../routes/index.ts';
import type { Change, Topic } from './contract.ts';
import type { Place } from './files/places.ts';

/** Who is told: all, who may administer, or one person by id. */
export type Hearers = 'everyone' | 'admins' | `person:${string}`;

/** A change with what bounds who may know of it beyond `Hearers`: who may open one of these routes, who may list this folder. */
export type Notice = Change & { routes?: readonly Route[]; place?: Place };

export type Notices = {
  note(hearers: Hearers, notice: Notice, now: number): void;
  /** What was noted for them at `since` or later. */
  of(hearers: Hearers, since: number): Notice[];
  hearers(): Iterable<Hearers>;
  /** Forgets whatever is older. */
  forget(before: number): void;
};

/** Of one topic, for the same hearers; from here on a page had better read all of it. */
const mostOfOneTopic = 50;
const mostRoutes = 8;

type Noted = { notice: Notice; at: number };

/**
 * Changes by who hears of them, each told once however often it happened: what is noted and read is bounded by what concerns a
 * person, not by what happens on the platform.
 */
export function createNotices(): Notices {
  /** In the order of the latest note, so that what is old is found at the front. */
  const all = new Map<Hearers, { latestAt: number; noted: Map<string, Noted> }>();

  return {
    note(hearers, notice, now) {
      const noted = all.get(hearers)?.noted ?? new Map<string, Noted>();
      all.delete(hearers);
      all.set(hearers, { latestAt: now, noted });
      const { topic } = notice;
      const merged = noted.has(topic) ? { topic } : merge(noted.get(keyOf(notice))?.notice, notice);
      noted.set(keyOf(merged), { notice: merged, at: now });
      if (merged.id === undefined || noted.size > mostOfOneTopic) boundTopic(noted, topic, now);
    },
    of(hearers, since) {
      const noted = all.get(hearers)?.noted.values() ?? [];
      return [...noted].filter(({ at }) => at >= since).map(({ notice }) => notice);
    },
    hearers: () => all.keys(),
    forget(before) {
      for (const [hearers, { latestAt }] of all) {
        if (latestAt >= before) return;
        all.delete(hearers);
      }
    },
  };
}

function keyOf({ topic, id }: Change): string {
  return id === undefined ? topic : `${topic} ${id}`;
}

function merge(before: Notice | undefined, notice: Notice): Notice {
  if (before === undefined || notice.place !== undefined) return notice;
  const { topic, id } = notice;
  if (before.routes === undefined || notice.routes === undefined) return id === undefined ? { topic } : { topic, id };
  const routes = [...new Set([...before.routes, ...notice.routes])];
  if (routes.length > mostRoutes) return { topic };
  // Told to be the same but for its title, and changed otherwise too.
  const { title, ...rest } = notice;
  return { ...rest, ...(title !== undefined && before.title !== undefined && { title }), routes };
}

/** One note of the whole topic stands for all of it. */
function boundTopic(noted: Map<string, Noted>, topic: Topic, now: number): void {
  const keys = [...noted.keys()].filter((key) => key.startsWith(`${topic} `));
  if (!noted.has(topic) && keys.length <= mostOfOneTopic) return;
  for (const key of keys) noted.delete(key);
  noted.set(topic, { notice: { topic }, at: now });
}
