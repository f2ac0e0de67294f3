import { type ComponentHealth, listNames, type TileStatus } from '../../lib/index.ts';
import { type ChildState, lastMeaningfulLine, type Problem } from '../../process/index.ts';
import { describeIsolation, type Isolation } from './isolation.ts';

/** Where a managed hub stands. */
export type HubStatus =
  | { phase: 'installing'; step: string; message: string; progress: number; stepStartedAt: number }
  | { phase: 'blocked'; problem: Problem; nextTryAt?: number }
  | { phase: 'running'; proxy: ChildState; hub: ChildState; since: number };

/** What it is for, to who looks for a place to work. */
export const tileWords = 'Your own place for notebooks, code and terminals.';

/** What everybody sees of it. */
export function describeTile(status: HubStatus, now: number): TileStatus {
  switch (status.phase) {
    case 'installing':
      return {
        status: 'preparing',
        message: status.message,
        progress: status.progress,
        step: status.step,
        stepStartedAt: status.stepStartedAt,
      };
    case 'blocked':
      return {
        status: 'failed',
        message: status.problem.message,
        remedy: withNextTry(status.problem.remedy, status.nextTryAt, now),
      };
    case 'running':
      return describeProcesses(status, now);
  }
}

function describeProcesses({ proxy, hub, since }: Extract<HubStatus, { phase: 'running' }>, now: number): TileStatus {
  if (proxy.status === 'running' && hub.status === 'running') return { status: 'ready', message: tileWords };
  const broken = [proxy, hub].find((child) => child.status === 'failed');
  if (broken) {
    const line = lastMeaningfulLine(broken.output);
    return {
      status: 'failed',
      message: `JupyterHub ${broken.lastExit ?? 'ended'} again and again.${line === undefined ? '' : ` Its last words: ${line}`}`,
      remedy: withNextTry(howToMend(broken.output), broken.nextStartAt, now),
    };
  }
  const hasEnded = [proxy, hub].find((child) => child.status === 'waiting');
  return {
    status: 'preparing',
    message: hasEnded ? `JupyterHub ${hasEnded.lastExit ?? 'ended'} and is started again` : 'Starting JupyterHub',
    progress: proxy.status === 'running' ? 0.96 : 0.94,
    step: hasEnded ? 'restart' : 'start',
    stepStartedAt: since,
  };
}

function withNextTry(remedy: string, at: number | undefined, now: number): string {
  if (at === undefined) return remedy;
  const seconds = Math.max(1, Math.ceil((at - now) / 1000));
  return `${remedy.replace(/ ?Knot tries again by itself\.$/, '')} Knot tries again in ${seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`}.`;
}

/** What an admin sees of it. */
export function describeHealth(
  status: HubStatus,
  isolation: Isolation | undefined,
  people: readonly string[],
): ComponentHealth[] {
  const tile = describeTile(status, 0);
  const word = { ready: 'ok', preparing: 'working' } as Partial<
    Record<TileStatus['status'], ComponentHealth['status']>
  >;
  const remedy =
    status.phase === 'blocked'
      ? status.problem.remedy
      : tile.status === 'failed'
        ? howToMend(status.phase === 'running' ? status.hub.output : [])
        : undefined;
  const message = tile.status === 'ready' ? 'JupyterHub answers.' : tile.message;
  const hub: ComponentHealth = {
    name: 'jupyterhub',
    status: word[tile.status] ?? 'failed',
    message,
    ...(remedy !== undefined && { remedy }),
  };
  return [
    ...(isolation ? [describeIsolation(isolation)] : []),
    hub,
    ...(people.length > 0 ? [describePeople(people)] : []),
  ];
}

/** Who is affected when Knot stops, and what to do instead. */
function describePeople(people: readonly string[]): ComponentHealth {
  return {
    name: 'notebook-servers',
    title: 'Running notebook servers',
    status: 'ok',
    message: `${listNames(people)}. Stopping Knot ends what they run; \`npx knot restart\` keeps it.`,
    isPersonal: true,
  };
}

/** Its packages were looked at already, so starting it again would change nothing by itself. */
function howToMend(output: readonly string[]): string {
  if (/sqlite3\.(DatabaseError|OperationalError).*(not a database|malformed)/i.test(output.join('\n'))) {
    return 'The database of JupyterHub is damaged: move jupyterhub/hub/jupyterhub.sqlite out of the data folder. JupyterHub makes a new one, and people sign in again; no file of theirs is in it.';
  }
  return 'The log of the gateway has its last lines. Its packages are whole; undo what was changed in the folder `jupyterhub` of the data folder.';
}
