import type { PreparationStep, TileStatus } from '../../lib/index.ts';

/** In the order in which an environment is made; what is there already is not done again. */
const titles: Readonly<Record<string, string>> = {
  python: 'Look for Python',
  environment: 'Make a Python environment',
  download: 'Download packages',
  install: 'Install packages',
  start: 'Start JupyterHub',
};
const order = Object.keys(titles);
const others: Readonly<Record<string, string>> = {
  waiting: 'Wait for another installation',
  restart: 'Start JupyterHub again',
};

type Begun = { step: string; startedAt: number; endedAt?: number; hasFailed?: boolean };

/** Remembers the steps of a preparation, so that who comes later sees what was done, and how long it took. */
export function createSteps(): { note(tile: TileStatus): void; list(): PreparationStep[] } {
  let begun: Begun[] = [];

  return {
    /** Hears each state of the tile, in order. */
    note({ status, step, stepStartedAt = 0 }) {
      const present = begun.at(-1);
      if (status === 'failed' && present) present.hasFailed = true;
      if (status === 'ready') begun = [];
      if (status !== 'preparing' || step === undefined) return;
      if (present?.step === step && !present.hasFailed) return;
      if (present && !present.hasFailed) present.endedAt = stepStartedAt;
      // One that comes again begins anew, with all that follows it.
      const before = begun.findIndex((one) => one.step === step);
      if (before >= 0) begun.splice(before);
      begun.push({ step, startedAt: stepStartedAt });
    },
    list() {
      const present = begun.at(-1);
      if (!present) return [];
      return [
        ...begun.map(stepOf),
        ...comingAfter(present.step).map((title) => ({ title, state: 'waiting' as const })),
      ];
    },
  };
}

function stepOf({ step, startedAt, endedAt, hasFailed = false }: Begun): PreparationStep {
  const state = hasFailed ? 'failed' : endedAt === undefined ? 'working' : 'done';
  return { title: titles[step] ?? others[step] ?? step, state, startedAt, ...(endedAt !== undefined && { endedAt }) };
}

function comingAfter(step: string): string[] {
  if (step === 'restart') return [];
  const place = order.indexOf(step);
  return (place < 0 ? order.slice(-1) : order.slice(place + 1)).map((name) => titles[name]!);
}
