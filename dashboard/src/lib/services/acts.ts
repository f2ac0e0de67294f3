/** What people do to services, one or many, each with its words. */
import { servicesApi } from '#lib/api/services.ts';
import type { Service } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { followStart } from '#lib/services/work.ts';
import { attempt } from '#lib/toasts.svelte.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { counted, shortTime } from '#lib/words.ts';

/** Whoever may see the services of others names them by their owner. */
export const nameOf = ({ name, owner }: Pick<Service, 'name' | 'owner'>): string => `${owner.name}/${name}`;

const show = (id?: string): Promise<void> =>
  refresh(id === undefined ? { topic: 'services' } : { topic: 'services', id });
const aboutOf = ({ id }: Service): string => `service:${id}`;
const services = (rows: readonly Service[], one: string, many: string): string =>
  `${counted(rows.length, 'service', 'services')} ${rows.length === 1 ? one : many}`;

/** Begun by a person who waits for it, wherever they go meanwhile. */
function andFollow(service: Service, act: Promise<Service>): Promise<Service> {
  return then(
    service.id,
    act.then((answer) => {
      // Before anything is heard of it again.
      followStart(service);
      return answer;
    }),
  );
}

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

/** One row has words of its own, several are counted. */
const forAll =
  (single: (service: Service) => Promise<unknown>, several: (rows: readonly Service[]) => Promise<unknown>) =>
  (rows: readonly Service[]): Promise<unknown> =>
    rows.length === 1 ? single(rows[0]!) : several(rows);

const start = forAll(
  (service) =>
    attempt(() => andFollow(service, servicesApi.start(service.id)), `${service.name} is being started.`, {
      about: aboutOf(service),
      isPassing: true,
    }),
  (rows) =>
    performOnAll({
      rows,
      nameOf,
      run: ({ id }) => servicesApi.start(id),
      done: (started) => `${services(started, 'is', 'are')} being started.`,
      refresh: () => show(),
    }),
);

/** What a program held in its memory is gone with it: starting it again is no undo, and is not called so. */
function startAgain(rows: readonly Service[]) {
  return rows.every(({ canManage }) => canManage) ? { label: 'Start again', act: () => start(rows) } : undefined;
}

/** Until when, as the gateway answered: it knows a longest time. */
function keptWords({ name, rest }: Service): string {
  if (rest?.keptUntil === undefined) return `${name} is kept awake.`;
  return `${name} stays awake until ${shortTime(rest.keptUntil)} at least.`;
}

export const serviceActs = {
  start,
  stop: forAll(
    (service) =>
      attempt(() => then(service.id, servicesApi.stop(service.id)), `${service.name} is being stopped.`, {
        about: aboutOf(service),
        offer: () => startAgain([service]),
      }),
    (rows) =>
      performOnAll({
        rows,
        nameOf,
        run: ({ id }) => servicesApi.stop(id),
        done: (stopped) => `${services(stopped, 'is', 'are')} being stopped.`,
        offer: startAgain,
        refresh: () => show(),
      }),
  ),
  wake: forAll(
    (service) =>
      attempt(() => andFollow(service, servicesApi.wake(service.id)), `${service.name} is waking up.`, {
        about: aboutOf(service),
        isPassing: true,
      }),
    (rows) =>
      performOnAll({
        rows,
        nameOf,
        run: ({ id }) => servicesApi.wake(id),
        done: (woken) => `${services(woken, 'is', 'are')} waking up.`,
        refresh: () => show(),
      }),
  ),
  /** It stays awake though nobody uses it. */
  extend(service: Service, hours: number): Promise<boolean> {
    const { id, name, rest } = service;
    const before = rest?.keptUntil ?? null;
    const undo = () =>
      attempt(() => then(id, servicesApi.keepUntil(id, before)), `Undone: ${name} sleeps as before.`, {
        about: aboutOf(service),
      });
    return attempt(
      () => then(id, servicesApi.extend(id, hours)),
      (kept) => keptWords(kept),
      {
        about: aboutOf(service),
        offer: () => ({ label: 'Undo', act: undo }),
      },
    );
  },
  copyAddress: ({ name, url }: Service) =>
    attempt(() => navigator.clipboard.writeText(url), `The address of ${name} is copied.`, { isPassing: true }),
  async remove({ id }: Service): Promise<void> {
    await servicesApi.remove(id);
    void show(id);
  },
};
