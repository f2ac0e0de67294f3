import { LRUCache } from 'lru-cache';
import type { Integration } from '../integrations/index.ts';
import type { Clock, Log, Principal } from '../lib/index.ts';
import type { Tile } from './contract.ts';

/** What of a person runs in the tools: looked up for tiles, and ended when they ask. */
export type Running = {
  of(tool: Integration, person: Principal): Pick<Tile, 'isRunning' | 'isStopping' | 'keepsTeams'>;
  /**
   * Ends what this person runs in a tool that can end it; resolves when it has ended. Whoever asks again meanwhile waits for the same end.
   * @throws what the tool throws
   */
  stop(tool: StoppableTool, person: Principal): Promise<void>;
  /** Hears when something of a person begins to stop, when it has or has not, and when it is found otherwise than it was known. */
  onChange(listener: (change: { userId: string; tool: string }) => void): () => void;
};

export type StoppableTool = Integration & Required<Pick<Integration, 'stopOf'>>;

/** How long a look for running things is believed. */
const lookMs = 2000;
/** A tool that does not answer, or does not let Knot ask, is asked again so much later. */
const failedMs = 60_000;
const mostKnown = 10_000;

/** What a tool that runs elsewhere answered about one person; undefined while nobody knows. */
type Known = { isRunning: boolean | undefined; until: number };

export function createRunning({ clock, log }: { clock: Clock; log: Pick<Log, 'debug'> }): Running {
  /** Whose things run in a tool is found by looking through processes, so it is looked up once for many people who ask. */
  const looks = new WeakMap<Integration, { people: ReadonlySet<string>; at: number }>();
  const stops = new WeakMap<Integration, Map<string, Promise<void>>>();
  const elsewhere = new WeakMap<Integration, LRUCache<string, Known>>();
  const listeners = new Set<(change: { userId: string; tool: string }) => void>();
  const tell = (tool: Integration, userId: string) =>
    listeners.forEach((listener) => listener({ userId, tool: tool.name }));

  const knownIn = (tool: Integration): LRUCache<string, Known> => {
    const known = elsewhere.get(tool) ?? new LRUCache<string, Known>({ max: mostKnown });
    elsewhere.set(tool, known);
    return known;
  };

  /** What is known now; what is too old is asked for beside it, and told when it is otherwise: no page waits for a tool. */
  function askedOf(tool: Integration & Required<Pick<Integration, 'runsFor'>>, person: Asked): boolean | undefined {
    const { id, username } = person;
    const known = knownIn(tool);
    const before = known.get(id);
    if (before !== undefined && clock.now() < before.until) return before.isRunning;
    const asking: Known = { isRunning: before?.isRunning, until: Infinity };
    known.set(id, asking);
    const note = (isRunning: boolean | undefined, ms: number): void => {
      // Stopped meanwhile, or asked anew: this answer is of before.
      if (known.get(id) !== asking) return;
      known.set(id, { isRunning, until: clock.now() + ms });
      if ((isRunning ?? false) !== (before?.isRunning ?? false)) tell(tool, id);
    };
    tool.runsFor(username).then(
      (isRunning) => note(isRunning, lookMs),
      (error: unknown) => {
        log.debug({ err: error, tool: tool.name }, 'a tool does not say what runs in it');
        note(undefined, failedMs);
      },
    );
    return before?.isRunning;
  }

  function peopleIn(tool: Integration): ReadonlySet<string> {
    const now = clock.now();
    let look = looks.get(tool);
    if (look === undefined || now - look.at > lookMs) {
      look = { people: new Set(tool.people?.()), at: now };
      looks.set(tool, look);
    }
    return look.people;
  }

  const stopsIn = (tool: Integration): Map<string, Promise<void>> => {
    const known = stops.get(tool) ?? new Map<string, Promise<void>>();
    stops.set(tool, known);
    return known;
  };

  return {
    of(tool, person) {
      const { username, teams } = person;
      if (tool.people === undefined && !isElsewhere(tool)) return {};
      const isStopping = stopsIn(tool).has(username);
      const found = isElsewhere(tool) ? askedOf(tool, person) : peopleIn(tool).has(username);
      if (found === undefined && !isStopping) return {};
      const isRunning = isStopping || found === true;
      const own = new Set(teams.map(({ name }) => name));
      const kept = isRunning ? (tool.teamsOf?.(username) ?? []).filter((team) => !own.has(team)) : [];
      return { isRunning, ...(isStopping && { isStopping }), ...(kept.length > 0 && { keepsTeams: kept }) };
    },
    stop(tool, { id: userId, username }) {
      const underWay = stopsIn(tool);
      const known = underWay.get(username);
      if (known) return known;
      const stop = tool.stopOf(username).finally(() => {
        // What was seen before is no longer so.
        looks.delete(tool);
        elsewhere.get(tool)?.delete(userId);
        underWay.delete(username);
        tell(tool, userId);
      });
      underWay.set(username, stop);
      tell(tool, userId);
      return stop;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

type Asked = Pick<Principal, 'id' | 'username'>;

const isElsewhere = (tool: Integration): tool is Integration & Required<Pick<Integration, 'runsFor'>> =>
  tool.runsFor !== undefined;
