import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kube, kinds } from '../../kube/index.ts';
import { type Clock, type Log, newSecret } from '../../lib/index.ts';
import type { Accelerator, Candidate } from '../engine.ts';
import type { Obstacle } from '../refusals.ts';
import type { Cause, Service } from '../service.ts';
import { waitsOf } from './accelerators.ts';
import { sealChart } from './chart.ts';
import { type Helm, HelmFailure } from './helm.ts';
import type { Judged } from './judge.ts';
import { removeAdditions, removeEverything } from './leftovers.ts';
import type { Rendered } from './manifest.ts';
import { digestOf, mark, serviceLabel } from './marks.ts';
import { revisionsOf, runLabel, type Standing, standingOf } from './release.ts';
import { renderChart } from './render.ts';
import { scaleBack } from './scale.ts';
import { sayHelm } from './say-helm.ts';
import { dryRun } from './trial.ts';
import { type Surroundings, valuesFor } from './values.ts';

/** Why a release was not made. */
export type NotMade = { cause: Cause };

/** Releases of services: made, changed and removed, with the rights of the owner and nobody else's. */
export type Releases = {
  /** Why one like this would be refused, from its template to the last check of the API server; nothing is made. */
  obstacles(candidate: Candidate): Promise<Obstacle[]>;
  /**
   * Makes the release what the service is. `onStep` hears when it is rendered, and when the cluster has it. Undefined when that
   * is so; anything else ends it as `signal` does, from where the next one goes on.
   */
  apply(
    service: Service,
    options: { signal: AbortSignal; onStep(step: 'rendered' | 'accepted'): void },
  ): Promise<NotMade | undefined>;
  /** Whether what there is of it in the cluster was made of just this, so that it is only to be scaled. */
  contentOf(service: Pick<Service, 'template' | 'values' | 'size' | 'owner' | 'name' | 'label'>): string;
  /** Takes everything of it away. */
  remove(service: Whose): Promise<void>;
};

export type Whose = Pick<Service, 'id' | 'name' | 'owner'>;

/** What hooks may take, of all that Helm does; it waits for nothing else, because what is seen tells how far it is. */
const helmSeconds = 600;
const helmMs = helmSeconds * 1000 + 15_000;
const removeSeconds = 60;
const keptRevisions = 5;

export function createReleases(options: {
  helm: Helm;
  /** The cluster as the owner's service account in a namespace. */
  asOwner(namespace: string): Kube;
  namespaceOf(owner: Service['owner']): string;
  surroundingsOf(service: Pick<Service, 'owner' | 'label'>): Promise<Surroundings>;
  /** What machines have beside processors and memory. */
  acceleratorsNow(): Promise<readonly Accelerator[]>;
  /** Where the files of a kept template are. */
  chartOf(digest: string): string;
  /** Of the gateway alone, for charts that live as long as one act. */
  folder: string;
  /** Names this run of the gateway, and says whether another one works. */
  run: string;
  isAlive(run: string): Promise<boolean>;
  /** How many there were of a program before it was stopped. */
  replicasOf(id: string, kind: string, name: string): string | undefined;
  clock: Clock;
  log: Log;
}): Releases {
  const {
    helm,
    asOwner,
    namespaceOf,
    surroundingsOf,
    chartOf,
    folder,
    run,
    isAlive,
    replicasOf,
    acceleratorsNow,
    clock,
    log,
  } = options;

  const contentOf: Releases['contentOf'] = ({ template, values, size, owner, name, label }) =>
    digestOf([template.digest, template.version, values, size, owner.name, name, label]);

  async function render(
    candidate: Candidate,
    { isUpgrade, signal }: { isUpgrade: boolean; signal?: AbortSignal },
  ): Promise<{ judged: Judged | { problems: Obstacle[] }; values: ReturnType<typeof valuesFor>; namespace: string }> {
    const { name, template, id = 'new' } = candidate;
    const surroundings = await surroundingsOf(candidate);
    const { namespace, hostname } = surroundings;
    const values = valuesFor({ ...candidate, id }, surroundings, { secret: newSecret() });
    const judged = await renderChart(helm, {
      ...{ namespace, release: name, host: hostname, chart: chartOf(template.digest), values, isUpgrade },
      ...(signal && { signal }),
    });
    return { judged, values, namespace };
  }

  async function standing(namespace: string, { id, name }: Pick<Whose, 'id' | 'name'>): Promise<Standing> {
    const revisions = await revisionsOf(asOwner(namespace), namespace, name);
    return standingOf(revisions, { serviceId: id, run, isAlive, now: clock.now() });
  }

  /** Secrets of revisions whose gateway is gone: without them Helm goes on from the last that was whole. */
  async function mend(namespace: string, { name }: Pick<Whose, 'name'>, found: Standing): Promise<void> {
    if (found.kind !== 'broken') return;
    for (const { secret, uid } of found.secrets)
      await asOwner(namespace).remove(kinds.secret, secret, namespace, { ...(uid !== undefined && { uid }) });
    log.warn({ namespace, release: name }, 'a release that was cut short is mended');
  }

  async function hand(
    { id, name, template }: Service,
    {
      namespace,
      objects,
      values,
      signal,
    }: { namespace: string; objects: Rendered[]; values: object; signal: AbortSignal },
  ): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const chart = await mkdtemp(join(folder, 'chart-'));
    try {
      await sealChart(chart, template, objects);
      const four = ['--wait=hookOnly', '--server-side=true', '--force-conflicts'];
      await helm.run({
        args: [
          ...['upgrade', name, chart, '--install', '--values', '-', '--skip-schema-validation'],
          ...['--timeout', `${helmSeconds}s`, '--history-max', String(keptRevisions)],
          ...['--labels', `${serviceLabel}=${id},${runLabel}=${run}`],
          ...((await helm.isFour()) ? four : []),
        ],
        namespace,
        input: JSON.stringify(values),
        timeoutMs: helmMs,
        signal,
        mostBytes: 16 * 1024 * 1024,
      });
    } finally {
      await rm(chart, { recursive: true, force: true });
    }
  }

  return {
    contentOf,
    async obstacles(candidate) {
      const { name, id } = candidate;
      const namespace = namespaceOf(candidate.owner);
      // Of another one there is nothing to be asked about the name.
      const found = await revisionsOf(asOwner(namespace), namespace, name);
      if (found.some(({ serviceId }) => id === undefined || serviceId !== id))
        return [{ field: 'name', message: taken.what, remedy: taken.remedy }];
      const { judged } = await render(candidate, { isUpgrade: found.length > 0 });
      if ('problems' in judged) return judged.problems;
      const refusals = await dryRun(asOwner(namespace), namespace, judged.objects, { isChange: id !== undefined });
      // What runs of it has what it asks for.
      return refusals.length > 0 || id !== undefined ? refusals : waitsOf(judged.objects, await acceleratorsNow());
    },
    async apply(service, { signal, onStep }) {
      const { id, revision } = service;
      const namespace = namespaceOf(service.owner);
      const before = await standing(namespace, service);
      if (before.kind === 'foreign') return { cause: { code: 'name-taken', ...taken } };
      if (before.kind === 'busy') return { cause: busy };
      await mend(namespace, service, before);
      const { judged, values } = await render(service, { isUpgrade: before.kind === 'ours', signal });
      if ('problems' in judged) return { cause: causeOfProblems(judged.problems) };
      onStep('rendered');
      const content = contentOf(service);
      const replicas = (kind: string, program: string) => replicasOf(id, kind, program);
      const objects = mark(judged.objects, { id, revision, content, exposed: judged.exposed, replicas });
      try {
        await hand(service, { namespace, objects, values, signal });
      } catch (error) {
        if (!(error instanceof HelmFailure) || error.kind === 'ended') throw error;
        log.warn({ service: id, reason: error.message.slice(0, 2_000) }, 'a service could not be applied');
        return { cause: sayHelm(error, 'apply') };
      }
      // What an earlier attempt added, and what was stopped when this was applied.
      if (before.kind !== 'none') await removeAdditions(asOwner(namespace), namespace, id, objects);
      await scaleBack(asOwner(namespace), namespace, id, revision);
      onStep('accepted');
      return undefined;
    },
    async remove({ id, name, owner }) {
      const namespace = namespaceOf(owner);
      const found = await revisionsOf(asOwner(namespace), namespace, name);
      const isOurs = found.some(({ serviceId }) => serviceId === id);
      if (isOurs) {
        const uninstall = ['uninstall', name, '--ignore-not-found', '--timeout', `${removeSeconds}s`];
        const runOf = { namespace, timeoutMs: (removeSeconds + 15) * 1000 };
        // Hooks that hang are not waited for a second time; what Helm cannot do at all is done by hand.
        await helm
          .run({ ...runOf, args: uninstall })
          .catch(() => helm.run({ ...runOf, args: [...uninstall, '--no-hooks'] }))
          .catch((error: unknown) => log.warn({ err: error, service: id }, 'Helm could not remove a release'));
      }
      await removeEverything(asOwner(namespace), namespace, id);
    },
  };
}

const taken = {
  what: 'There is a Helm release of that name among what you have already, and Knot did not make it.',
  remedy: 'Choose another name, or remove that release (helm uninstall).',
};

const busy: Cause = {
  code: 'busy',
  what: 'Another gateway works on it right now.',
  remedy: 'It goes on by itself when that is done.',
};

function causeOfProblems(problems: readonly Obstacle[]): Cause {
  const [first, ...more] = problems;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
  return {
    code: 'refused',
    what: `${first!.message}${rest}`,
    remedy: first!.remedy ?? 'Whoever keeps the template can change that.',
  };
}
