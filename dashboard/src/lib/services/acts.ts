/** What people do to services, one or many, each with its words. */
import { servicesApi } from '#lib/api/services.ts';
import { undoOf } from '#lib/api/undo.ts';
import type { Service } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { followStart } from '#lib/services/work.ts';
import { attempt, type Offer } from '#lib/toasts.svelte.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { takeBack } from '#lib/undo.ts';
import { counted, shortTime } from '#lib/words.ts';

/** Whoever may see the services of others names them by their owner. */
const nameOf = ({ name, owner }: Pick<Service, 'name' | 'owner'>): string => `${owner.name}/${name}`;

const show = (id?: string): Promise<void> =>
  refresh(id === undefined ? { topic: 'services' } : { topic: 'services', id });
export const aboutOf = ({ id }: Pick<Service, 'id'>): string => `service:${id}`;

/** Not waited for when it failed: while Knot is away it would never end. */
async function then<T>(id: string, act: Promise<T>): Promise<T> {
  try {
    const answer = await act;
    await show(id);
    return answer;
  } catch (error) {
    void show(id);
    throw error;
  }
}

/**
 * What is asked of one service or of many: one is named, several are counted. `words`: `being started`. `isWaitedFor`: a person who
 * asks it of one waits for it, wherever they go meanwhile. `offer`: a way on from there.
 */
function actOn({
  run,
  words,
  isWaitedFor = false,
  offer,
}: {
  run: (id: string) => Promise<Service>;
  words: string;
  isWaitedFor?: boolean;
  offer?: (rows: readonly Service[]) => Offer | undefined;
}) {
  const actOnOne = (service: Service): Promise<unknown> => {
    const { id, name } = service;
    const act = async (): Promise<Service> => {
      const answer = await run(id);
      if (isWaitedFor) followStart(service);
      return answer;
    };
    return attempt(() => then(id, act()), `${name} is ${words}.`, {
      ...{ about: aboutOf(service), isPassing: isWaitedFor },
      offer: () => offer?.([service]),
    });
  };
  const actOnMany = (rows: readonly Service[]): Promise<void> =>
    performOnAll({
      ...{ rows, nameOf, refresh: () => show() },
      run: ({ id }) => run(id),
      done: ({ length }) => `${counted(length, 'service is', 'services are')} ${words}.`,
      ...(offer && { offer }),
    });
  return (rows: readonly Service[]): Promise<unknown> => (rows.length === 1 ? actOnOne(rows[0]!) : actOnMany(rows));
}

const start = actOn({ run: servicesApi.start, words: 'being started', isWaitedFor: true });

/** What a program held in its memory is gone with it: starting it again is no undo, and is not called so. */
function startAgain(rows: readonly Service[]): Offer | undefined {
  return rows.every(({ canManage }) => canManage) ? { label: 'Start again', act: () => start(rows) } : undefined;
}

/** Until when, as the gateway answered: it knows a longest time. */
function keptWords({ name, rest }: Service): string {
  if (rest?.keptUntil === undefined) return `${name} is kept awake.`;
  return `${name} stays awake until ${shortTime(rest.keptUntil)} at least.`;
}

export const serviceActs = {
  start,
  stop: actOn({ run: servicesApi.stop, words: 'being stopped', offer: startAgain }),
  wake: actOn({ run: servicesApi.wake, words: 'waking up', isWaitedFor: true }),
  /** It stays awake though nobody uses it. */
  extend({ id, rest }: Service, hours: number): Promise<boolean> {
    const about = aboutOf({ id });
    const offer = (kept: Service): Offer | undefined => {
      const way = undoOf(kept);
      return way && { label: 'Undo', act: () => takeBack([way], { text: keptWords(kept), about }) };
    };
    const before = rest?.keptUntil ?? null;
    return attempt(() => then(id, servicesApi.extend(id, hours, before)), keptWords, { about, offer });
  },
  /** What shows it is told by whoever asked: its own page is left first. */
  remove: ({ id }: Service): Promise<unknown> => servicesApi.remove(id),
};
