import { createHash, randomInt } from 'node:crypto';
import { type Ground, type IsolationReport, reportOf, type Subject, tryIsolation } from '../admission/index.ts';
import { absolute, type Config } from '../config/index.ts';
import { createSigningKeys } from '../keys/index.ts';
import { type Kube, kinds, openKube } from '../kube/index.ts';
import { knotError, namespaceOf, silentLog, systemClock } from '../lib/index.ts';
import type { Owner } from '../owners/index.ts';
import { userAccount } from '../provisioning/index.ts';
import { claimNames } from './cluster-files.ts';
import type { Facts } from './facts.ts';
import { version } from './version.ts';

export type SignedIsolationReport = {
  report: IsolationReport;
  /** A JWT (ES256, `/.well-known/jwks.json`) over `sha256`, the digest of the report as `JSON.stringify` writes it, and its counts. */
  signature: string;
  sha256: string;
};

export type VerifyOptions = {
  /** Of somebody who may act as others: an administrator of the cluster. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
  /** Told before each step. */
  onProgress(message: string): void;
  signal: AbortSignal;
};

const actor = { name: 'cli' };
const mailDomain = 'isolation.invalid';
const teamTitle = 'Throw-away, to verify isolation';
const placeMs = 120_000;
const staleMs = 3600 * 1000;
const tenYears = 10 * 365 * 24 * 3600;
/** None that looks like another: names that may be mistaken for one another are refused. */
const letters = 'abcdefghjkpqstuvwxyz2345679';

/**
 * Makes two people and a team that nobody can sign in as, waits until the gateway made their places in the cluster, tries as them what
 * must fail and what must work, and takes all of it away again, whatever happens. What an earlier run that was killed left goes too.
 * @throws KNOT_APP_NO_CLUSTER, KNOT_APP_NO_PLACE
 */
export async function verifyIsolation(
  facts: Facts,
  config: Config,
  options: VerifyOptions,
): Promise<SignedIsolationReport> {
  if (config.engine !== 'kubernetes')
    throw knotError(
      'KNOT_APP_NO_CLUSTER',
      409,
      'The engine of this Knot is not kubernetes: there is no cluster to look at.',
      {
        remedy: 'Name the configuration of the gateway with --config.',
      },
    );
  const { kubernetes } = config;
  const clock = systemClock;
  const kube = await openKube(
    {
      kubeconfig: options.kubeconfig ?? absolute(config, kubernetes.kubeconfig),
      context: options.context ?? kubernetes.context,
    },
    { clock, log: silentLog },
  );
  const people = throwAway(facts, kube, config);
  try {
    await people.removeStale();
    options.onProgress('Making two people and a team …');
    const ground = await people.make();
    options.onProgress('Waiting for their places in the cluster …');
    await people.untilThere(options.signal);
    options.onProgress('Trying what must fail and what must work …');
    const results = await tryIsolation(kube, ground);
    options.signal.throwIfAborted();
    const { gitVersion } = await kube.ask<{ gitVersion: string }>({ method: 'GET', path: '/version' });
    const report = reportOf(
      {
        at: new Date(clock.now()).toISOString(),
        domain: config.domain,
        versions: { knot: version, kubernetes: gitVersion },
        notes: notesOn(config),
      },
      ground,
      results,
    );
    return await sign(report, facts, config);
  } finally {
    options.onProgress('Removing them …');
    await people.remove().finally(() => kube.close());
  }
}

async function sign(report: IsolationReport, { store }: Facts, config: Config): Promise<SignedIsolationReport> {
  const rotationDays = config.oidc.keyRotationDays;
  const keys = await createSigningKeys({ store, clock: systemClock, rotationDays, log: silentLog });
  try {
    const sha256 = createHash('sha256').update(JSON.stringify(report)).digest('hex');
    const { format, at, domain, counts } = report;
    return { report, sha256, signature: await keys.signAssertion({ format, at, domain, counts, sha256 }, tenYears) };
  } finally {
    await keys.close();
  }
}

function notesOn({ kubernetes: { admission, podSecurity } }: Config): string[] {
  return [
    'Networks are looked at as rules only: whether the network of the cluster keeps them, pods must try.',
    ...(admission.clientCa === undefined
      ? [
          'The listener for admission asks nobody for a certificate (kubernetes.admission.clientCa): only the network keeps others from asking which files a namespace has.',
        ]
      : []),
    ...(podSecurity === 'privileged'
      ? [
          'Pods may be privileged (kubernetes.podSecurity): whoever starts one is the master of its machine, and of everything on it.',
        ]
      : []),
    ...(admission.ephemeralContainers
      ? ['People may add containers to pods that run (kubernetes.admission.ephemeralContainers).']
      : []),
  ];
}

/** The people of one run. Their names end alike, and are never used again. */
function throwAway({ accounts }: Facts, kube: Kube, config: Config) {
  const { namespacePrefix } = config.kubernetes;
  const made: Pick<Owner, 'kind' | 'id' | 'name'>[] = [];
  let ground: Ground | undefined;
  const subjectOf = (owner: Pick<Owner, 'kind' | 'name'>): Subject => ({
    name: owner.name,
    namespace: namespaceOf({ namespacePrefix }, owner),
  });

  async function addUser(name: string) {
    const user = await accounts.createUser({ username: name, email: `${name}@${mailDomain}`, state: 'active' }, actor);
    const owner = { kind: 'user', id: user.id, name } as const;
    made.push(owner);
    return owner;
  }

  async function make(): Promise<Ground> {
    const mark = Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('');
    const ann = await addUser(`ann${mark}`);
    const joanna = await addUser(`jo${ann.name}`);
    const created = await accounts.createTeam({ name: `team${mark}`, title: teamTitle }, actor);
    const team = { kind: 'team', id: created.id, name: created.name } as const;
    made.push(team);
    await accounts.setMember(team.id, joanna.id, 'manager', actor);
    await accounts.setMember(team.id, ann.id, 'member', actor);
    ground = {
      ...{ ann: subjectOf(ann), joanna: subjectOf(joanna), team: subjectOf(team) },
      gatewayNamespace: config.kubernetes.namespace,
      servicesDomain: config.appsDomain ?? config.domain,
      podSecurity: config.kubernetes.podSecurity,
      ephemeralContainers: config.kubernetes.admission.ephemeralContainers,
    };
    return ground;
  }

  /** Ann is let into the team and leaves it again: what she had there must go. */
  async function untilThere(signal: AbortSignal): Promise<void> {
    const { ann, joanna, team } = ground!;
    const teamClaim = claimNames.team(team.name);
    const hasClaim = async ({ namespace }: Subject, name: string) =>
      (await kube.get(kinds.persistentVolumeClaim, name, namespace)) !== undefined;
    // Rights come last of all.
    const hasRights = async ({ namespace }: Subject) =>
      (await kube.get(kinds.roleBinding, userAccount, namespace)) !== undefined;
    await until(signal, async () => {
      const places = await Promise.all([ann, joanna, team].map(hasRights));
      return places.every(Boolean) && (await hasClaim(ann, teamClaim)) && (await hasClaim(joanna, claimNames.private));
    });
    const idOf = (name: string) => made.find((owner) => owner.name === name)!.id;
    await accounts.removeMember(idOf(team.name), idOf(ann.name), actor);
    await until(signal, async () => !(await hasClaim(ann, teamClaim)));
  }

  async function removeOwner(owner: Pick<Owner, 'kind' | 'id' | 'name'>): Promise<void> {
    // First the record, so that no gateway makes the place again.
    if (owner.kind === 'user') await accounts.deleteUser(owner.id, actor);
    else await accounts.deleteTeam(owner.id, actor);
    const { namespace } = subjectOf(owner);
    const found = await kube.get(kinds.namespace, namespace);
    if (found?.metadata.labels?.['knot/owner-id'] === owner.id)
      await kube.remove(kinds.namespace, namespace, undefined, { uid: found.metadata.uid! });
    const labels = `app.kubernetes.io/managed-by=knot,knot/owner-id=${owner.id}`;
    const { items } = await kube.list(kinds.persistentVolume, { labels });
    for (const { metadata } of items)
      await kube.remove(kinds.persistentVolume, metadata.name, undefined, { uid: metadata.uid! });
  }

  /** All of them, whatever cannot be removed; then the first failure. */
  async function removeAll(owners: Pick<Owner, 'kind' | 'id' | 'name'>[]): Promise<void> {
    const failures: unknown[] = [];
    for (const owner of owners) await removeOwner(owner).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  return {
    make,
    untilThere,
    remove: () => removeAll(made.splice(0).reverse()),
    async removeStale(): Promise<void> {
      const before = systemClock.now() - staleMs;
      const { users } = await accounts.listUsers({ limit: 100_000 });
      const teams = await accounts.listTeams();
      await removeAll([
        ...teams
          .filter(({ title, createdAt }) => title === teamTitle && createdAt < before)
          .map(({ id, name }) => ({ kind: 'team' as const, id, name })),
        ...users
          .filter(({ email, createdAt }) => email.endsWith(`@${mailDomain}`) && createdAt < before)
          .map(({ id, username }) => ({ kind: 'user' as const, id, name: username })),
      ]);
    },
  };
}

async function until(signal: AbortSignal, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + placeMs;
  while (!(await isSo())) {
    signal.throwIfAborted();
    if (performance.now() > end)
      throw knotError('KNOT_APP_NO_PLACE', 504, 'Their places in the cluster are not made.', {
        remedy: 'The gateway makes them: see whether it runs; `knot provision status` says what is in the way.',
      });
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
