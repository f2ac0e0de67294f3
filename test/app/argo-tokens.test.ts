import { join } from 'node:path';
import t from 'tap';
import { createArgoTokens } from '../../gateway/app/cluster-argo-tokens.ts';
import { createWorkflowMembers } from '../../gateway/app/workflow-members.ts';
import { kinds, type KubeObject } from '../../gateway/kube/index.ts';
import { createManualClock, type Principal, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy } from '../../gateway/policy/index.ts';
import type { Wanted } from '../../gateway/provisioning/index.ts';
import { eventually } from '../support/eventually.ts';
import { openFake } from '../support/kube/open.ts';

/** Tokens that an Argo which signs people in acts with, in a cluster that is a fake. A real one is in `integrations/argo-sign-in.test.ts`. */

const namespace = 'knot-team-physics';
const minute = 60_000;
const nameOfSecret = 'workflows.argoproj.io/service-account-token.name';

async function open(t: Parameters<typeof openFake>[0]) {
  const { kube } = await openFake(t);
  const clock = createManualClock(Date.now());
  const team: Wanted = {
    owner: { kind: 'team', id: 'id-of-physics', name: 'physics' },
    ...{ isPaused: false, limits: {}, areas: [], members: [] },
  };
  let hear: ((id: string) => void) | undefined;
  const bound: { uid: string | undefined; token: string }[] = [];
  let failsAfterToken = false;
  let finds = 0;
  const tokens = createArgoTokens({
    kube: {
      ...kube,
      async apply(object: KubeObject) {
        if (failsAfterToken && object['data'] !== undefined) throw new Error('cut short');
        return kube.apply(object);
      },
    } as typeof kube,
    accounts: {
      listOwners: async () => [],
      principal: async () => undefined,
      findTeam: async (id: string) => ({ id, name: 'physics', title: 'Physics' }),
    } as never,
    store: {
      onChange: (topic: string, listener: (id: string) => void) => {
        if (topic === 'teams') hear = listener;
        return () => undefined;
      },
      onGap: () => () => undefined,
    } as never,
    leads: () => true,
    kubernetes: { namespacePrefix: 'knot-' } as never,
    wanted: {
      async find() {
        finds += 1;
        return { ...team };
      },
    },
    async requestToken(asked, { metadata }) {
      t.equal(asked, namespace);
      const token = `token-${bound.length}`;
      bound.push({ uid: metadata.uid, token });
      return { token, lifeMs: 60 * minute };
    },
    clock,
    log: silentLog,
  });
  t.teardown(tokens.close);
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const labels = { 'app.kubernetes.io/managed-by': 'knot' };
  await kube.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'knot-argo', labels } });
  tokens.start();
  return {
    ...{ clock, bound, team },
    look: () => hear!('id-of-physics'),
    finds: () => finds,
    /** Resolves when a look is over: the next one begins after it. */
    async lookAgain() {
      for (const wanted of [finds + 1, finds + 2]) {
        hear!('id-of-physics');
        await eventually('a look', () => finds >= wanted);
      }
    },
    failAfterToken: (now: boolean) => void (failsAfterToken = now),
    /** What Argo finds: the token, and the identity of the Secret. */
    async seen() {
      const account = await kube.get(kinds.serviceAccount, 'knot-argo', namespace);
      const name = account?.metadata.annotations?.[nameOfSecret];
      const secret = name === undefined ? undefined : await kube.get(kinds.secret, name, namespace);
      const { token } = (secret?.['data'] ?? {}) as { token?: string };
      return { name, uid: secret?.metadata.uid, token: token && Buffer.from(token, 'base64').toString(), secret };
    },
    async names() {
      return (await kube.list(kinds.secret, { namespace })).items.map(({ metadata }) => metadata.name);
    },
  };
}

t.test(
  'a token lies where Argo looks, bound to the Secret that it is in, and is renewed while it is good',
  async (t) => {
    const { look, lookAgain, seen, bound, clock, names } = await open(t);
    look();
    const first = await eventually('a token', async () => {
      const now = await seen();
      return now.token === 'token-0' && now;
    });
    t.strictSame(bound, [{ uid: first.uid, token: 'token-0' }], 'it is nothing without that very Secret');
    t.equal(first.secret?.['type'], 'Opaque', 'and no token that never ends');
    await lookAgain();
    clock.advance(29 * minute);
    await lookAgain();
    t.equal(bound.length, 1, 'none before half of its time');
    clock.advance(2 * minute);
    look();
    await eventually('another one', async () => (await seen()).token === 'token-1');
    t.match(await seen(), { name: first.name, uid: first.uid }, 'in its place');
    t.strictSame(await names(), [first.name]);
  },
);

t.test('when somebody has left, what they may have copied is worth nothing, and Argo looks elsewhere', async (t) => {
  const { look, seen, team, names } = await open(t);
  team.members = [
    { id: 'id-of-ann', name: 'ann' },
    { id: 'id-of-bob', name: 'bob' },
  ];
  look();
  const before = await eventually('a token', async () => {
    const now = await seen();
    return now.token !== undefined && now;
  });
  team.members = [{ id: 'id-of-ann', name: 'ann' }];
  look();
  const after = await eventually('another Secret', async () => {
    const now = await seen();
    return now.token !== undefined && now.uid !== before.uid && now;
  });
  t.not(after.name, before.name, 'under the same name Argo would go on with the old one for a minute');
  await eventually('the old one gone', async () => (await names()).length === 1);
  team.members = [];
  look();
  await eventually('back at the first name, in a Secret of its own', async () => {
    const now = await seen();
    return now.name === before.name && now.uid !== before.uid && now.token !== undefined;
  });
});

t.test('cut short anywhere it is done at the next look', async (t) => {
  const { look, seen, failAfterToken, names, bound } = await open(t);
  failAfterToken(true);
  look();
  await eventually('an empty Secret', async () => (await names()).length === 1);
  t.equal((await seen()).name, undefined, 'Argo is told of none');
  failAfterToken(false);
  look();
  await eventually('a token', async () => (await seen()).token !== undefined);
  t.not((await seen()).uid, bound[0]!.uid, 'in another Secret: the first token was never written down, and is nothing');
});

t.test('of who is paused nothing is made', async (t) => {
  const { look, lookAgain, seen, finds, team, bound } = await open(t);
  team.isPaused = true;
  team.members = [{ id: 'id-of-ann', name: 'ann' }];
  look();
  await eventually('a look', () => finds() === 1);
  team.isPaused = false;
  look();
  await eventually('a token', async () => (await seen()).token !== undefined);
  await lookAgain();
  t.equal(bound.length, 1, 'once they are no more');
});

t.test('rights in the namespace of a team have those of it whom the rules let use its workflows now', async (t) => {
  const people: Record<string, Principal> = Object.fromEntries(
    ['ann', 'bob', 'eve'].map((username) => [
      `id-of-${username}`,
      {
        ...{ id: `id-of-${username}`, username, email: `${username}@example.org`, isAdmin: false, version: 1 },
        state: username === 'bob' ? 'disabled' : 'active',
        groups: [`knot:user:${username}`],
        teams: username === 'eve' ? [] : [{ id: 'id-of-physics', name: 'physics', role: 'member' }],
      } as unknown as Principal,
    ]),
  );
  const accounts = {
    memberIds: async () => [...Object.keys(people), 'id-of-nobody'],
    principal: async (id: string) => people[id],
  };
  const policy = await createPolicy({
    folder: join(import.meta.dirname, '../../policies'),
    recordReload: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => policy.close());
  const config = { domain: 'localhost', integrations: { argo: { title: 'Workflows' } } } as never;
  const physics = { id: 'id-of-physics', name: 'physics' };
  t.strictSame(
    await createWorkflowMembers(config, { accounts, policy })(physics),
    [{ id: 'id-of-ann', name: 'ann' }],
    'nobody who is disabled, and nobody whom the shipped rules know in no team',
  );
  const asked: unknown[] = [];
  const none = {
    decide(question: { action: string; resource: object }) {
      asked.push(question.action, question.resource);
      return { effect: 'deny' } as never;
    },
  };
  t.strictSame(await createWorkflowMembers(config, { accounts, policy: none })(physics), []);
  t.match(asked.slice(0, 2), ['open', { type: 'Service', id: 'argo/physics', attributes: { team: 'physics' } }]);
  const without = { domain: 'localhost', integrations: {} } as never;
  t.equal(await createWorkflowMembers(without, { accounts, policy })(physics), undefined);
});
