import { stepNames, type StepName } from './desired/desired.ts';

/**
 * A step of making an owner's place. `waiting`: for the ones before it; `doing`: begun, and the cluster is at it. `cause` is why it
 * failed or what it waits for; `since` (epoch milliseconds) it is so; `attempts` that failed in a row.
 */
export type Step = {
  name: StepName;
  /** What is done in it, as a heading. */
  title: string;
  state: 'waiting' | 'doing' | 'done' | 'failed';
  cause?: string;
  since: number;
  attempts: number;
};

/** What a pass found or did of one step. */
export type Outcome = Pick<Step, 'state' | 'cause'>;

const titles: Record<StepName, string> = {
  namespace: 'Namespace',
  accounts: 'Accounts of programs',
  limits: 'Limits of the plan',
  network: 'Network',
  files: 'Files',
  rights: 'Rights',
  tidy: 'What is no longer wanted',
  workloads: 'What runs',
};

export const newSteps = (now: number): Step[] =>
  stepNames.map((name) => ({ name, title: titles[name], state: 'waiting', since: now, attempts: 0 }));

/** The steps after a pass. What is as before keeps its time. */
export function stepsAfter(before: readonly Step[], outcomes: ReadonlyMap<StepName, Outcome>, now: number): Step[] {
  return stepNames.map((name) => {
    const was = before.find((step) => step.name === name);
    const { state, cause } = outcomes.get(name) ?? { state: 'waiting' as const };
    const isSame = was !== undefined && was.state === state && was.cause === cause;
    return {
      ...{ name, title: titles[name], state, since: isSame || was?.state === state ? was.since : now },
      ...(cause !== undefined && { cause }),
      attempts: state === 'failed' ? (was?.attempts ?? 0) + 1 : 0,
    };
  });
}

/** While the cluster is away the first step that is not done says so; the next look takes it back. */
export function waitingForCluster(steps: readonly Step[]): Step[] {
  const next = steps.findIndex(({ state }) => state !== 'done');
  return steps.map((step, index) => (index === next ? { ...step, cause: clusterAway } : step));
}

const clusterAway = 'The cluster does not answer now. Knot goes on as soon as it does.';

export const sameSteps = (one: readonly Step[], other: readonly Step[]): boolean =>
  one.length === other.length &&
  one.every(({ name, state, cause }, index) => {
    const step = other[index]!;
    return step.name === name && step.state === state && step.cause === cause;
  });

/** When to look again: at once while the cluster is at something, later and later after failures; undefined when all is done. */
export function nextLookMs(steps: readonly Step[]): number | undefined {
  const attempts = Math.max(...steps.map((step) => step.attempts));
  if (attempts > 0) return Math.min(mostMs, firstMs * 2 ** (attempts - 1)) * (0.8 + 0.4 * Math.random());
  return steps.every(({ state }) => state === 'done') ? undefined : firstMs;
}

const firstMs = 500;
const mostMs = 60_000;
