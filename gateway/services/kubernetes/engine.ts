import { join } from 'node:path';
import type { Kube } from '../../kube/index.ts';
import { type Clock, every, type Log, newId } from '../../lib/index.ts';
import type { Upstream } from '../../routes/index.ts';
import type { AskedAt } from '../ask.ts';
import { isBusy } from '../busy.ts';
import { causeOfError } from '../causes.ts';
import type { Engine, Missing, Observed } from '../engine.ts';
import { keepOnly, keepTemplate } from '../kept-templates.ts';
import { outputOf } from '../output/pages.ts';
import type { Outputs } from '../output/outputs.ts';
import type { Cause, Service } from '../service.ts';
import { createAccelerators } from './accelerators.ts';
import { createFollowing, readLog } from './following.ts';
import type { Helm } from './helm.ts';
import { createReleases } from './releases.ts';
import { openShellIn } from './shell.ts';
import { scaleBack, scaleToZero } from './scale.ts';
import { observedOf, placeOf, podOf } from './sight.ts';
import { createSteps, type Steps } from './steps.ts';
import { homeFolderOf, type Surroundings } from './values.ts';
import { createUsages } from './usage.ts';
import { createView } from './view.ts';

export type KubernetesEngineOptions = {
  kube: Kube;
  helm: Helm;
  /** The cluster as the owner's service account in a namespace, which people act as. */
  asOwner(namespace: string): Kube;
  namespaceOf(owner: Service['owner']): string;
  surroundingsOf(service: Pick<Service, 'owner' | 'label'>): Promise<Surroundings>;
  /** Takes a folder out of the files of a service's owner, so that they can take it back; where there is none, nothing. */
  trash(service: Service, folder: string): Promise<void>;
  /** Where this process reaches an address of the cluster when it is not in its network; there itself by default. */
  reachedAt?(place: Upstream): Promise<AskedAt>;
  dataFolder: string;
  /** Where templates that services were made of are kept: the same for every gateway, because any of them may launch and any may lead. */
  templatesFolder: string;
  outputs: Outputs;
  /** Names this run of the gateway among those on one cluster. */
  run?: string;
  /** Whether another run works now; without replicas, none does. */
  isAlive?(run: string): Promise<boolean>;
  clock: Clock;
  log: Log;
};

export type KubernetesEngine = Engine & {
  /** Another gateway acts from now on: what is being done here ends at once, and is begun again there. */
  rest(): Promise<void>;
};

/** A start that is under way, or the last one in this run. */
type Start = {
  service: Service;
  phase: 'applying' | 'begun' | 'failed' | 'over';
  abort: AbortController;
  steps: Steps;
  cause?: Cause;
  done: Promise<void>;
};

/** Why a start ended, for people. */
class Failed extends Error {
  readonly why: Cause;
  constructor(why: Cause) {
    super(why.what);
    this.why = why;
  }
}

const isWhole = (service: Pick<Service, 'id'>): service is Service => 'owner' in service;

const usualStartSeconds = 300;
/** What time alone changes: that a program takes too long. */
const lookMs = 1_000;
const stopMs = 120_000;
/** Helm takes 100 MB and a good part of a second of a processor. */
const mostAtOnce = 4;

/** Services as Helm releases in the namespaces of their owners. What is said of them is what is seen in the cluster. */
export function createKubernetesEngine(options: KubernetesEngineOptions): KubernetesEngine {
  const { kube, helm, asOwner, namespaceOf, dataFolder, templatesFolder: templates, outputs, clock, log } = options;
  const starts = new Map<string, Start>();
  const places = new Map<string, Upstream>();
  /** As they were asked about last, for what is told of by their id alone. */
  const known = new Map<string, Service>();
  const listeners = new Set<(serviceId: string) => void>();
  const view = createView(kube);
  const usages = createUsages({ kube, clock });
  const accelerators = createAccelerators({ kube, clock, log });
  const following = createFollowing({ open: (at, signal) => readLog(asOwner(at.namespace), at, signal), outputs });
  const releases = createReleases({
    ...{ helm, asOwner, namespaceOf, clock, log },
    surroundingsOf: options.surroundingsOf,
    acceleratorsNow: accelerators.read,
    chartOf: (digest) => join(templates, digest),
    folder: join(dataFolder, 'helm'),
    run: options.run ?? newId(),
    isAlive: options.isAlive ?? (async () => false),
    replicasOf: (id, kind, name) => {
      const program = view.of(id).programs.find((one) => one.kind === kind && one.name === name);
      return program === undefined ? undefined : String(program.wanted || program.replicas);
    },
  });
  /** Who waits until something has ended. */
  const enders = new Set<() => void>();
  let isQuitting = false;
  let working = 0;
  const waiting: (() => void)[] = [];

  const tell = (id: string): void => {
    for (const listener of listeners) listener(id);
  };

  view.onChange((id) => {
    if (id === '') return;
    look(id);
    tell(id);
  });
  const looking = every(
    lookMs,
    async () => {
      for (const [id, { phase }] of starts) if (phase === 'begun' && observe(id).phase !== 'running') tell(id);
    },
    { log, complaint: 'looking at services that start failed' },
  );

  function namespaceOfKnown(id: string): string | undefined {
    const service = known.get(id);
    return service && namespaceOf(service.owner);
  }

  /** Follows what is seen: its output, its steps, where it is. */
  function look(id: string): void {
    const things = view.of(id);
    const namespace = namespaceOfKnown(id) ?? things.programs[0]?.namespace ?? things.pods[0]?.namespace;
    if (namespace !== undefined && things.pods.length > 0) following.look(id, namespace, things.pods);
    const place = placeOf(things, places.get(id));
    if (place !== undefined) places.set(id, place);
    const start = starts.get(id);
    if (start?.phase !== 'begun') return;
    const seen = observe(id);
    start.steps.see(things.pods, seen.phase);
    if (seen.phase === 'running' && !start.steps.isOver()) following.mark(id, 'It answers.');
    if (seen.phase === 'running') start.steps.finish('done');
    if (seen.phase === 'gone') start.steps.finish('failed');
  }

  function observe(id: string): Observed {
    const start = starts.get(id);
    const things = view.of(id);
    if (start?.phase === 'failed') return { phase: 'gone', revision: start.service.revision, cause: start.cause! };
    const seen = observedOf(things, {
      startSeconds: known.get(id)?.template.plan.startSeconds ?? usualStartSeconds,
      size: known.get(id)?.size,
      lines: following.lines(id),
      // Times of pods are the cluster's.
      now: kube.now(),
    });
    if (start === undefined || start.phase === 'over') return seen;
    const { revision } = start.service;
    const cause = seen.phase === 'starting' || seen.phase === 'gone' ? seen.cause : undefined;
    // What runs yet is of the revision before.
    if (start.phase === 'applying') return { phase: 'starting', revision, ...(cause && { cause }) };
    // It was handed over, and is not seen yet.
    if (seen.phase === 'absent' || seen.phase === 'ending' || seen.revision < revision)
      return { phase: 'starting', revision };
    return seen;
  }

  /** At most so many at once; whoever waits is told to end before it begins. */
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    while (working >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    working += 1;
    try {
      return await work();
    } finally {
      working -= 1;
      waiting.shift()?.();
    }
  }

  async function begin(start: Start): Promise<void> {
    const { service, abort, steps } = start;
    const { id, revision } = service;
    const namespace = namespaceOf(service.owner);
    const { programs } = view.of(id);
    const content = releases.contentOf(service);
    if (programs.length > 0 && programs.every((program) => program.content === content && program.wanted === 0)) {
      steps.skip('rendered');
      await scaleBack(asOwner(namespace), namespace, id, revision);
      steps.begin('image');
      return;
    }
    const made = await inTurn(async () => {
      if (abort.signal.aborted) return undefined;
      return releases.apply(service, {
        signal: abort.signal,
        onStep(step) {
          steps.begin(step === 'rendered' ? 'accepted' : 'image');
          tell(id);
        },
      });
    });
    if (made !== undefined) throw new Failed(made.cause);
  }

  function settle(start: Start, failure: unknown): void {
    if (start.phase !== 'applying') return;
    const { id } = start.service;
    if (failure === undefined) {
      start.phase = 'begun';
      look(id);
    } else {
      if (!(failure instanceof Failed)) log.warn({ err: failure, service: id }, 'a service could not be started');
      start.phase = 'failed';
      start.cause = failure instanceof Failed ? failure.why : causeOfError(failure);
      start.steps.finish('failed');
    }
    tell(id);
  }

  /** What is being done for a service ends, and is waited for: two Helms on one release would wait for each other. */
  async function interrupt(id: string): Promise<void> {
    const start = starts.get(id);
    if (start === undefined) return;
    if (start.phase === 'applying') start.steps.finish('failed');
    start.phase = 'over';
    start.abort.abort();
    await start.done;
  }

  async function untilEnded(id: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (isQuitting) return;
    enders.add(resolve);
    const look_ = (changed: string): void => {
      if (changed === id && observe(id).phase === 'absent') resolve();
    };
    const timer = setTimeout(resolve, stopMs);
    listeners.add(look_);
    look_(id);
    await promise;
    clearTimeout(timer);
    listeners.delete(look_);
    enders.delete(resolve);
  }

  return {
    async tidy() {
      await helm.tidy();
      await view.ready;
    },
    async missing() {
      const found: Missing[] = [];
      const version = await helm.version();
      if ('missing' in version)
        found.push({
          what: version.missing,
          remedy: 'An administrator installs it, or names it as kubernetes.helm in knot.yaml.',
        });
      return found;
    },
    obstacles: (candidate) => inTurn(() => releases.obstacles(candidate)),
    accelerators: accelerators.read,
    keep: (folder) => keepTemplate(folder, templates),
    keepOnly: (digests) => keepOnly(templates, digests),
    async start(service) {
      const { id, revision } = service;
      known.set(id, service);
      const before = starts.get(id);
      if (before?.service.revision === revision && before.phase !== 'over' && before.phase !== 'failed') {
        if (before.phase === 'applying' || observe(id).phase !== 'absent') return;
      }
      await interrupt(id);
      const start: Start = {
        ...{ service, phase: 'applying', abort: new AbortController(), done: Promise.resolve() },
        steps: createSteps(clock),
      };
      starts.set(id, start);
      start.steps.begin('rendered');
      start.done = begin(start).then(
        () => settle(start, undefined),
        (error: unknown) => settle(start, error),
      );
    },
    async stop(service) {
      const { id } = service;
      await interrupt(id);
      const things = view.of(id);
      const namespace = namespaceOfKnown(id) ?? things.programs[0]?.namespace;
      if (namespace === undefined) return;
      const wasThere = observe(id).phase !== 'absent';
      await scaleToZero(asOwner(namespace), namespace, id);
      await untilEnded(id);
      places.delete(id);
      if (wasThere) following.mark(id, 'Stopped.');
    },
    async remove(service) {
      const { id } = service;
      await interrupt(id);
      await inTurn(() => releases.remove(service));
      // Its program has ended: what it kept goes as the service does, and is not lost to who was mistaken.
      await options.trash(service, homeFolderOf(service));
      following.forget(id);
      starts.delete(id);
      places.delete(id);
      known.delete(id);
      await outputs.remove(id);
    },
    observe(service) {
      if (isWhole(service)) known.set(service.id, service);
      return observe(service.id);
    },
    homeOf: homeFolderOf,
    steps: ({ id }) => starts.get(id)?.steps.list() ?? [],
    upstreamOf: ({ id }) => placeOf(view.of(id), places.get(id)) ?? places.get(id),
    output: async ({ id }) => outputOf(await outputs.of(id)),
    async openShell({ id }, size) {
      const pod = podOf(view.of(id), places.get(id));
      if (pod?.main === undefined) return undefined;
      const { namespace, name, main: container } = pod;
      return openShellIn(asOwner(namespace), { namespace, pod: name, container }, size);
    },
    usages: () => usages.read(),
    async busyWith(service) {
      const busy = service.template.plan.rest?.busy;
      const place = places.get(service.id);
      if (busy === undefined || place === undefined) return undefined;
      const at = (await options.reachedAt?.(place)) ?? place;
      return (await isBusy(busy, { at, processors: () => usages.processors(service.id) })) ? busy.says : undefined;
    },
    async health() {
      const version = await helm.version();
      return [
        view.health(),
        ...('missing' in version
          ? [
              {
                name: 'helm',
                status: 'failed' as const,
                message: version.missing,
                remedy: 'Install it, or name it as kubernetes.helm in knot.yaml.',
              },
            ]
          : []),
      ];
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async rest() {
      const applying = [...starts].filter(([, { phase }]) => phase === 'applying');
      await Promise.all(applying.map(([id]) => interrupt(id)));
    },
    quit() {
      isQuitting = true;
      // Whoever waits for all to be seen waits no more.
      view.close();
      for (const end of enders) end();
    },
    async close() {
      await looking.stop();
      await Promise.all([...starts.keys()].map(interrupt));
      await following.close();
      view.close();
    },
  };
}
