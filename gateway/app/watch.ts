import type { Integration, Older } from '../integrations/index.ts';
import type { ComponentHealth, Log, TileStatus } from '../lib/index.ts';
import type { Probe, ProbeResult } from '../proxy/index.ts';
import type { Route } from '../routes/index.ts';

/** What runs elsewhere and is asked from time to time whether it answers. */
export type Watch = {
  /** What everybody sees; of a route that is not watched, that nobody knows. */
  tile(route: Pick<Route, 'host'>): TileStatus;
  /** What an admin sees: every watched application, with the cause. */
  health(): ComponentHealth[];
  /** Takes an application up; `path` is what it is asked for. */
  add(route: Route, path: string): void;
  /**
   * A tool that does not know its own state gets the one that is found by asking, and says when it is older than it should be; what else
   * it knows of itself it goes on to say. That the one changed is heard here (`onChange`), the other from the tool. Every other one stays as it is.
   */
  follow(tool: Integration): Integration;
  start(probe: Probe): void;
  onChange(listener: (route: Route) => void): () => void;
  close(): void;
};

type Watched = {
  route: Route;
  path: string;
  /** Applications are named among the parts here; a tool names itself. */
  isApp: boolean;
  result: ProbeResult | undefined;
  askAge: Integration['older'];
  older: Older | undefined;
  /** Answers since it was away last. */
  answers: number;
  timer: NodeJS.Timeout | undefined;
};

/** How long until the next question: rarely while it answers, soon while somebody may be waiting for it. */
const defaultPace = { answeringMs: 30_000, otherwiseMs: 10_000, firstMs: 1_000 };
/** Questions at once, whatever the number of applications. */
const mostAtOnce = 4;
/** How many answers of a tool there are between two questions for its version, which it rarely changes: of a usual pace ten minutes. */
const answersForAge = 20;

/**
 * Asks each watched application on its own time, spread by chance so that many of them, and many replicas, do not ask in step. One
 * question at a time for each, so that an application that is slow is never asked by two.
 */
export function createWatch({ log, pace = defaultPace }: { log: Log; pace?: typeof defaultPace }): Watch {
  const byHost = new Map<string, Watched>();
  const listeners = new Set<(route: Route) => void>();
  const waiting: Watched[] = [];
  let probe: Probe | undefined;
  let atOnce = 0;
  let isClosed = false;

  function later(watched: Watched, ms: number): void {
    if (isClosed) return;
    watched.timer = setTimeout(
      () => {
        waiting.push(watched);
        askNext();
      },
      ms * (0.8 + 0.4 * Math.random()),
    ).unref();
  }

  function askNext(): void {
    if (isClosed || probe === undefined || atOnce >= mostAtOnce) return;
    const watched = waiting.shift();
    if (watched === undefined) return;
    atOnce += 1;
    void ask(watched, probe).finally(() => {
      atOnce -= 1;
      askNext();
    });
  }

  async function ask(watched: Watched, question: Probe): Promise<void> {
    const result = await question(watched.route, watched.path).catch((error: unknown): ProbeResult => {
      log.error({ err: error, app: watched.route.name }, 'asking an application failed');
      const remedy = 'An administrator finds in the log of the gateway why.';
      return { outcome: 'failed', reason: 'Knot could not ask it.', remedy, cause: 'a failure of the gateway' };
    });
    if (isClosed) return;
    note(watched, result);
    if (result.outcome === 'answers') lookAtAge(watched);
    else watched.answers = 0;
    later(watched, result.outcome === 'answers' ? pace.answeringMs : pace.otherwiseMs);
  }

  function note(watched: Watched, result: ProbeResult): void {
    const before = watched.result;
    watched.result = result;
    if (before !== undefined && causeOf(before) === causeOf(result)) return;
    const app = watched.route.name;
    if (result.outcome !== 'answers')
      log.warn({ app, cause: result.cause }, 'an application does not answer as it should');
    else if (before !== undefined) log.info({ app }, 'an application answers again');
    tell(watched);
  }

  const tell = ({ route }: Watched): void => {
    for (const listener of listeners) listener(route);
  };

  /** At its first answer, and again from time to time: a tool may be replaced without ever having been seen away. */
  function lookAtAge(watched: Watched): void {
    const { askAge } = watched;
    if (askAge === undefined || watched.answers++ % answersForAge !== 0) return;
    askAge().then(
      (older) => {
        if (isClosed || older?.message === watched.older?.message) return;
        watched.older = older;
        if (older) log.warn({ app: watched.route.name, older: older.message }, 'a tool is older than it should be');
        tell(watched);
      },
      // What it does not say now it may say at the next answer.
      () => (watched.answers = 0),
    );
  }

  function add(route: Route, path: string, isApp: boolean, askAge?: Integration['older']): Watched {
    const watched: Watched = {
      ...{ route, path, isApp, askAge },
      ...{ result: undefined, older: undefined, answers: 0, timer: undefined },
    };
    byHost.set(route.host, watched);
    return watched;
  }

  const watch: Watch = {
    tile(route) {
      const watched = byHost.get(route.host);
      if (watched === undefined) return { status: 'unwatched', message: 'Knot does not watch whether it runs.' };
      return tileOf(watched);
    },
    health: () => [...byHost.values()].filter(({ isApp }) => isApp).map((watched) => healthOf(watched)),
    add: (route, path) => void add(route, path, true),
    follow(tool) {
      if (tool.probePath === undefined) return tool;
      const watched = add(tool.route, tool.probePath, false, tool.older?.bind(tool));
      return {
        ...tool,
        tile: () => tileOf(watched, tool.tile().message),
        health: () => [
          { ...healthOf(watched), name: tool.name },
          ...tool.health().filter(({ name }) => name !== tool.name),
        ],
      };
    },
    start(question) {
      probe = question;
      for (const watched of byHost.values()) later(watched, Math.random() * pace.firstMs);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      isClosed = true;
      for (const { timer } of byHost.values()) clearTimeout(timer);
    },
  };
  return watch;
}

const causeOf = (result: ProbeResult): string => (result.outcome === 'answers' ? 'answers' : result.cause);

function tileOf({ result, older }: Watched, whenReady = ''): TileStatus {
  if (result === undefined) return { status: 'unknown', message: 'Knot is looking whether it runs.' };
  if (result.outcome === 'answers') return { status: 'ready', message: whenReady, ...older };
  return { status: result.outcome, message: result.reason, remedy: result.remedy };
}

function healthOf({ route, result, older }: Watched): ComponentHealth {
  const facts = { name: `app:${route.name}`, title: route.title };
  if (result === undefined) return { ...facts, status: 'working', message: 'Knot is looking whether it answers.' };
  if (result.outcome === 'answers')
    return { ...facts, status: 'ok', message: 'It answers.', ...(older && { ...older, status: 'warning' as const }) };
  return {
    ...facts,
    status: 'failed',
    message: `${result.reason} (${result.cause})`,
    remedy:
      'Start it, or correct its address in `knot.yaml`; Knot sees by itself when it answers. `probe: false` of an application stops the watching.',
  };
}
