import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProvisioning } from '../../gateway/app/kubernetes.ts';
import type { Config } from '../../gateway/config/index.ts';
import { openFiles } from '../../gateway/files/index.ts';
import { type Kube, openKube } from '../../gateway/kube/index.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import type { Provisioning } from '../../gateway/provisioning/index.ts';
import { type ConfigChanges, openTestFacts } from '../support/house/facts.ts';

type Ending = { teardown(end: () => unknown): void };

const actor = { name: 'root' };

/** Counts what is asked of the API server, and ends all of it after so many writes, as the end of the process would. */
export function watched(kube: Kube, { killAfter = Infinity }: { killAfter?: number } = {}) {
  const seen = { calls: 0, writes: [] as string[], isDead: false };
  const dead = new Error('killed');
  const wrap = (inner: Kube): Kube => ({
    ...inner,
    get: (...args) => call(() => inner.get(...args)) as never,
    list: (...args) => call(() => inner.list(...args)) as never,
    apply: (object, options) =>
      write(`apply ${object.kind}/${object.metadata.name}`, () => inner.apply(object, options)) as never,
    create: (object, options) =>
      write(`create ${object.kind}/${object.metadata.name}`, () => inner.create(object, options)) as never,
    merge: (kind, name, ...rest) =>
      write(`merge ${kind.kind}/${name}`, () => inner.merge(kind, name, ...rest)) as never,
    remove: (kind, name, ...rest) => write(`remove ${kind.kind}/${name}`, () => inner.remove(kind, name, ...rest)),
    as: (identity) => wrap(inner.as(identity)),
  });
  async function call<T>(work: () => Promise<T>): Promise<T> {
    if (seen.isDead) throw dead;
    seen.calls += 1;
    return work();
  }
  async function write<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (seen.isDead) throw dead;
    const done = await call(work);
    seen.writes.push(what);
    // The write was done, and nobody hears of it any more.
    if (seen.writes.length >= killAfter) {
      seen.isDead = true;
      throw dead;
    }
    return done;
  }
  return { kube: wrap(kube), seen };
}

/** One object of each kind that is made for owners, with the labels of an owner and a name that nothing wants. */
export function left(namespace: string, labels: Record<string, string>): object[] {
  const rbac = 'rbac.authorization.k8s.io';
  const object = (apiVersion: string, kind: string, rest: object) => ({
    ...{ apiVersion, kind, metadata: { name: 'earlier', namespace, labels } },
    ...rest,
  });
  const storage = { resources: { requests: { storage: '1Gi' } }, accessModes: ['ReadWriteMany'] };
  return [
    object('v1', 'ServiceAccount', {}),
    object('v1', 'ResourceQuota', { spec: { hard: { pods: '5' } } }),
    object('v1', 'LimitRange', { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } }),
    object('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {} } }),
    object('v1', 'PersistentVolumeClaim', { spec: { ...storage, storageClassName: '' } }),
    object(`${rbac}/v1`, 'RoleBinding', {
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'knot-user' },
      subjects: [],
    }),
  ];
}

/** Accounts, plans and the places of their owners on a cluster, until the test ends. Names of people are fresh for each test. */
export async function openPlaces(t: Ending, way: { kubeconfig: string }, given: { config?: ConfigChanges } = {}) {
  const clock = createManualClock(Date.now());
  const facts = await openTestFacts(t, {
    clock,
    config: {
      plans: [{ name: 'small', defaultFor: [], cpu: 2, memory: '4 GiB' }],
      ...given.config,
    },
  });
  const kube = await openKube({ kubeconfig: way.kubeconfig }, { clock, log: silentLog });
  t.teardown(() => kube.close());
  const opened: Provisioning[] = [];
  t.teardown(() => Promise.all(opened.map((one) => one.close())));

  const folder = mkdtempSync(join(tmpdir(), 'knot-places-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const settings = { folder, uploadMaxBytes: 1, trashDays: 30 };
  const allowanceOf = async () => ({ whose: 'these files' });
  const files = openFiles({ settings, store: facts.store, allowanceOf, clock, log: silentLog });
  t.teardown(() => files.close());

  /** As a gateway that has just been started would. */
  function open(
    on: Kube = kube,
    { hasFiles = true, storage = {} }: { hasFiles?: boolean; storage?: Partial<Config['kubernetes']['storage']> } = {},
  ): Provisioning {
    const policy = { decide: () => ({ effect: 'allow' }) as never };
    const { kubernetes } = facts.config;
    const config = {
      ...facts.config,
      kubernetes: { ...kubernetes, storage: { ...kubernetes.storage, ...storage } },
    };
    const provisioning = openProvisioning(config, on, {
      ...{ facts, policy, clock, log: silentLog },
      files: hasFiles ? files : undefined,
    });
    opened.push(provisioning);
    return provisioning;
  }
  const person = (username: string) =>
    facts.accounts.createUser({ username, email: `${username}@example.org`, state: 'active' }, actor);
  /** Newest first. */
  const acts = async (subject: string) =>
    (await facts.audit.list({ subject })).map(({ action }) => action).filter((one) => one.startsWith('place.'));
  return { ...facts, clock, kube, open, person, acts, actor };
}
