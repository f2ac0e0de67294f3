import type { Route } from '../routes/index.ts';
import { idsInChange } from '../services/index.ts';
import type { Needs } from './context.ts';
import { audiences, type Change, type Topic } from './contract.ts';
import type { Lookers } from './files/lookers.ts';
import type { Listeners } from './listeners.ts';
import type { Running } from './running.ts';
import type { ShownTiles } from './shown-tiles.ts';

/** What is known of a change besides its topic. */
type Facts = {
  id?: string;
  /** The person it is about, by id. */
  person?: string;
  /** What it is about: who may open one of them may know. */
  routes?: readonly Route[];
};

/** Tells the listeners what other modules tell about changes, in the words of the dashboard; returns the way to stop. */
export function followChanges(
  context: Needs<'accounts' | 'policy' | 'routes' | 'shares' | 'integrations' | 'onAppChange' | 'onChange' | 'log'>,
  { note, noteInTurns }: Pick<Listeners, 'note' | 'noteInTurns'>,
  {
    lookers,
    shownTiles,
    running,
  }: { lookers: Pick<Lookers, 'onChange'>; shownTiles: Pick<ShownTiles, 'to'>; running: Pick<Running, 'onChange'> },
): () => void {
  const { accounts, policy, routes, shares, integrations, onAppChange, onChange, log } = context;

  function tell(topic: Topic, { id, person, routes: about }: Facts = {}): void {
    const change = id === undefined ? { topic } : { topic, id };
    const audience = audiences[topic];
    if (audience !== 'everyone') note('admins', change);
    if (person !== undefined && audience !== 'admins') note(`person:${person}`, change);
    else if (audience === 'everyone') note('everyone', about === undefined ? change : { ...change, routes: about });
  }

  /** Of a person or a team, by id: what a team has is looked at by whoever is in it. Who has just left hears it of themselves. */
  async function tellOwner(topic: Topic, ownerId: string, id = ownerId): Promise<void> {
    tell(topic, { id });
    try {
      for (const person of [ownerId, ...(await accounts.memberIds(ownerId))]) note(`person:${person}`, { topic, id });
    } catch (error) {
      log.warn({ err: error, topic }, 'who is in a team could not be read: its members are not told of a change');
    }
  }

  /** With whom a service is shared: they are shown how it is. */
  function partiesOfService(id: string): { kind: 'user' | 'team'; id: string }[] {
    const given = shares.of({ kind: 'service', id });
    return given.flatMap(({ party }) => (party.kind === 'guest' ? [] : [{ kind: party.kind, id: party.id }]));
  }

  /** Who shares something and whom it is shared with: people, and whoever is in a team. */
  async function tellParties(change: Change, parties: readonly { kind: 'user' | 'team'; id: string }[]): Promise<void> {
    for (const { kind, id } of parties) {
      try {
        const people = kind === 'user' ? [id] : await accounts.memberIds(id);
        for (const person of people) note(`person:${person}`, change);
      } catch (error) {
        log.warn({ err: error }, 'who is in a team could not be read: its members are not told of a share');
      }
    }
  }

  /**
   * Whoever was not shown it is judged as before, and sees the new title when it is shown. Who was is told the title itself: a change costs
   * one message for each page then, and no question.
   */
  function tellShown(route: Route): void {
    for (const person of shownTiles.to(route.name)) {
      note(`person:${person}`, { topic: 'tiles', id: route.name, title: route.title, routes: [route] });
    }
  }

  const isOnlyRenamed = (before: Route, after: Route): boolean =>
    !policy.looksAt('title') && shownOf({ ...before, title: after.title }) === shownOf(after);

  const aboutPart = ({ name, route }: { name: string; route: Route }): void => {
    tell('tiles', { id: name, routes: [route] });
    tell('health');
  };
  let versionInForce = policy.status().version;
  const stops = [
    accounts.onChange((userId) => {
      tell('users', { id: userId, person: userId });
      // What a person may open follows from who they are.
      tell('tiles', { person: userId });
    }),
    policy.onReload(({ version }) => {
      tell('policies');
      tell('health');
      // Each page asks for its tiles anew, all of them judged by rules of which nothing is known yet.
      if (version !== versionInForce) noteInTurns({ topic: 'tiles' });
      versionInForce = version;
    }),
    routes.onChange((changes) => {
      for (const { before, after } of changes) {
        if (before && after && shownOf(before) === shownOf(after)) continue;
        if (before && after && isOnlyRenamed(before, after)) {
          tellShown(after);
          continue;
        }
        const about = [before, after].filter((route) => route !== undefined);
        tell('tiles', { id: about.at(-1)!.name, routes: about });
      }
    }),
    ...integrations().map((tool) => tool.onChange(() => aboutPart(tool))),
    running.onChange(({ userId, tool }) => tell('tiles', { id: tool, person: userId })),
    onAppChange((route) => aboutPart({ name: route.name, route })),
    onChange('sign-ins', (userId) => tell('sessions', { id: userId, person: userId })),
    onChange('audit', () => tell('audit')),
    onChange('teams', (id) => void tellOwner('teams', id)),
    onChange('plans', (id) => void tellOwner('plans', id)),
    onChange('places', (id) => void tellOwner('places', id)),
    onChange('services', (key) => {
      const { ownerId, id } = idsInChange(key);
      void tellOwner('services', ownerId, id);
      void tellParties({ topic: 'services', id }, partiesOfService(id));
    }),
    shares.onChange(
      ({ kind, id }, { owner }) =>
        void tellParties({ topic: 'shares' }, [owner, ...(kind === 'guest' ? [] : [{ kind, id }])]),
    ),
    onChange('links', (id) => tell('links', { id })),
    onChange('clients', (id) => tell('clients', { id })),
    lookers.onChange(({ userId, ...notice }) => note(`person:${userId}`, notice)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** What tiles and rules see of a route: where its requests go is nothing to a page. */
const shownOf = ({ name, kind, title, audience, ownedPrefixes }: Route): string =>
  JSON.stringify([name, kind, title, audience, ownedPrefixes]);
