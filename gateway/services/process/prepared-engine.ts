import { join } from 'node:path';
import { type Clock, needsPackages } from '../../lib/index.ts';
import type { Problem } from '../../process/index.ts';
import { causeOfError } from '../causes.ts';
import type { Engine, LaunchStep, Observed } from '../engine.ts';
import type { Cause, Service } from '../service.ts';
import type { Layout } from './layout.ts';
import type { ProgramEngine } from './engine.ts';
import { packageSetOf } from './packages/package-set.ts';
import type { Environment, Packages } from './packages/packages.ts';

/** A start that is under way, or the last one. */
type Start = {
  revision: number;
  phase: 'preparing' | 'begun' | 'failed' | 'over';
  abort: AbortController;
  steps: LaunchStep[];
  /** The packages it uses. */
  environment?: Environment;
  cause?: Cause;
  done: Promise<void>;
};

/**
 * An engine whose services get what their template needs before their program is started: packages are installed, which may take
 * minutes, while everybody sees how far it is; stopping the service stops that too.
 */
export function createPreparedEngine(options: {
  engine: ProgramEngine;
  packages: Packages;
  layout: Pick<Layout, 'templates'>;
  clock: Clock;
}): Engine & { usedPackages(): Set<string> } {
  const { engine, packages, layout, clock } = options;
  const starts = new Map<string, Start>();
  const listeners = new Set<(serviceId: string) => void>();
  const tell = (id: string): void => {
    for (const listener of listeners) listener(id);
  };
  engine.onChange((id) => {
    follow(id);
    tell(id);
  });

  /** The steps of a program follow from what the engine sees of it. */
  function follow(id: string): void {
    const start = starts.get(id);
    if (start?.phase !== 'begun') return;
    const seen = engine.observe({ id });
    if (seen.phase === 'running') finish(start, 'done');
    if (seen.phase !== 'gone') return;
    finish(start, 'failed');
    if (seen.cause.code === 'no-module' && start.environment !== undefined) packages.doubt(start.environment.key);
  }

  function begin(start: Start, name: LaunchStep['name']): void {
    finish(start, 'done');
    const step = start.steps.find((one) => one.name === name);
    if (step) Object.assign(step, { state: 'working', startedAt: clock.now() });
  }

  function finish({ steps }: Start, state: 'done' | 'failed'): void {
    const step = steps.find((one) => one.state === 'working');
    if (step) Object.assign(step, { state, endedAt: clock.now() });
  }

  function fail(id: string, start: Start, cause: Cause): void {
    if (start.phase !== 'preparing') return;
    finish(start, 'failed');
    start.phase = 'failed';
    start.cause = cause;
    tell(id);
  }

  /** Resolves when its program was begun, or when it is known why not. */
  async function prepare(service: Service, start: Start): Promise<void> {
    const { id, template } = service;
    const { signal } = start.abort;
    const set = await packageSetOf(template.plan.needs, join(layout.templates, template.digest));
    if (set !== undefined) {
      const step = start.steps[0]!;
      const found = await packages.find(set);
      if (signal.aborted) return;
      if (found === undefined) await engine.stop({ id });
      const onProgress = ({ message }: { message: string }): void => void (step.title = message);
      const installed = found ?? (await untilAborted(packages.install(set, { signal, onProgress }), signal));
      if (installed === undefined || signal.aborted) return;
      if ('problem' in installed) return fail(id, start, causeOfProblem(installed.problem));
      step.title = titleOf(installed.packages);
      start.environment = installed;
    }
    begin(start, 'program');
    await engine.start(service, start.environment);
    if (start.phase !== 'preparing') return;
    start.phase = 'begun';
    begin(start, 'answer');
    follow(id);
    tell(id);
  }

  function end(id: string): void {
    const start = starts.get(id);
    if (start === undefined) return;
    start.abort.abort();
    if (start.phase === 'preparing') finish(start, 'failed');
    start.phase = 'over';
  }

  return {
    ...engine,
    async missing(plan, mayLackSandbox) {
      const found = await engine.missing(plan, mayLackSandbox);
      if (!needsPackages(plan.needs)) return found;
      const problem = await packages.missing(plan.needs);
      if (problem) found.push({ what: problem.message, remedy: `Ask an administrator. ${problem.remedy}` });
      return found;
    },
    async start(service) {
      const { id, revision, template } = service;
      const before = starts.get(id);
      if (before?.revision === revision) {
        const isBegun = before.phase === 'begun' && engine.observe({ id }).phase !== 'absent';
        if (isBegun || before.phase === 'preparing') return;
      }
      end(id);
      const hasPackages = needsPackages(template.plan.needs);
      const start: Start = {
        ...{ revision, phase: 'preparing', abort: new AbortController(), done: Promise.resolve() },
        steps: [
          ...(hasPackages ? [step('packages', 'Install packages')] : []),
          step('program', 'Start the program'),
          step('answer', 'Wait until it answers'),
        ],
      };
      starts.set(id, start);
      begin(start, start.steps[0]!.name);
      const prepared = prepare(service, start);
      // What needs nothing is begun at once, and whoever asks hears why not.
      if (!hasPackages)
        return prepared.catch((error: unknown) => {
          finish(start, 'failed');
          start.phase = 'over';
          throw error;
        });
      start.done = prepared.catch((error: unknown) => fail(id, start, causeOfError(error)));
    },
    async stop(service) {
      const { id } = service;
      end(id);
      await starts.get(id)?.done;
      await engine.stop(service);
    },
    async remove(service) {
      end(service.id);
      await starts.get(service.id)?.done;
      await engine.remove(service);
      starts.delete(service.id);
    },
    observe(service): Observed {
      const start = starts.get(service.id);
      const seen = engine.observe(service);
      if (start?.phase === 'failed') return { phase: 'gone', revision: start.revision, cause: start.cause! };
      // What runs of an earlier revision is ended before the next is prepared.
      if (start?.phase === 'preparing') return { phase: 'starting', revision: start.revision };
      return seen;
    },
    async close() {
      const done = [...starts].map(([id, { done: ended }]) => (end(id), ended));
      await Promise.all(done);
      await engine.close();
    },
    steps: ({ id }) => (starts.get(id)?.steps ?? []).map((one) => ({ ...one })),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    usedPackages() {
      const used = new Set<string>();
      for (const { environment, phase } of starts.values())
        if (environment !== undefined && phase === 'begun') used.add(environment.key);
      return used;
    },
  };
}

const step = (name: LaunchStep['name'], title: string): LaunchStep => ({ name, title, state: 'waiting' });

const titleOf = (count: number): string => `Install ${count} package${count === 1 ? '' : 's'}`;

const causeOfProblem = ({ kind, message, remedy }: Problem): Cause => ({
  code: `packages-${kind}`,
  what: message,
  remedy,
});

/** Undefined when it was not waited for to its end. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
