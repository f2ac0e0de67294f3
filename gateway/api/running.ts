import type { Integration } from '../integrations/index.ts';
import type { Clock, Principal } from '../lib/index.ts';
import type { Tile } from './contract.ts';

/** What of a person runs in the tools: looked up for tiles, and ended when they ask. */
export type Running = {
  of(tool: Integration, person: Principal): Pick<Tile, 'isRunning' | 'isStopping' | 'keepsTeams'>;
  /**
   * Ends what this person runs in a tool that can end it; resolves when it has ended. Whoever asks again meanwhile waits for the same end.
   * @throws what the tool throws
   */
  stop(tool: StoppableTool, person: Principal): Promise<void>;
  /** Hears when something of a person begins to stop, and when it has or has not. */
  onChange(listener: (change: { userId: string; tool: string }) => void): () => void;
};

export type StoppableTool = Integration & Required<Pick<Integration, 'stopOf'>>;

/** How long a look for running things is believed. */
const lookMs = 2000;

export function createRunning({ clock }: { clock: Clock }): Running {
  /** Whose things run in a tool is found by looking through processes, so it is looked up once for many people who ask. */
  const looks = new WeakMap<Integration, { people: ReadonlySet<string>; at: number }>();
  const stops = new WeakMap<Integration, Map<string, Promise<void>>>();
  const listeners = new Set<(change: { userId: string; tool: string }) => void>();

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
    of(tool, { username, teams }) {
      if (tool.people === undefined) return {};
      const isStopping = stopsIn(tool).has(username);
      const isRunning = isStopping || peopleIn(tool).has(username);
      const own = new Set(teams.map(({ name }) => name));
      const kept = isRunning ? (tool.teamsOf?.(username) ?? []).filter((team) => !own.has(team)) : [];
      return { isRunning, ...(isStopping && { isStopping }), ...(kept.length > 0 && { keepsTeams: kept }) };
    },
    stop(tool, { id: userId, username }) {
      const underWay = stopsIn(tool);
      const known = underWay.get(username);
      if (known) return known;
      const tell = () => listeners.forEach((listener) => listener({ userId, tool: tool.name }));
      const stop = tool.stopOf(username).finally(() => {
        // What was seen before is no longer so.
        looks.delete(tool);
        underWay.delete(username);
        tell();
      });
      underWay.set(username, stop);
      tell();
      return stop;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
