/** Harbor ends at any request of provisioning: what was begun is brought to its end by the next look. */
import t, { type Test } from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { createHarbor, type ToolOwner } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { startHarbor } from '../contracts/harbor/harbor.ts';
import { endAtEach } from './end-at-each.ts';

const physics: ToolOwner = {
  ...{ kind: 'team', id: 'id-physics', name: 'physics', title: 'Physics', isPaused: false, storage: 5_000 },
  ...{ members: ['ada', 'bob'], managers: ['bob'] },
};

async function open(t: Test) {
  const server = await startHarbor({ withRegistry: false });
  t.teardown(server.stop);
  const harbor = createHarbor({
    publicAddress: publicAddress({ domain: 'knot.test' }, 443),
    ...{ clientSecret: () => 'client-secret-0123456789', caFile: undefined, clock: systemClock, log: silentLog },
    ...{ config: { title: 'Images' }, secrets: { admin: server.adminPassword } },
    upstream: parseUpstream(server.origin, { allowLoopback: true }),
  });
  t.teardown(() => harbor.stop());
  return { server, harbor };
}

for (const when of ['before', 'after'] as const) {
  t.test(`it ends ${when} it did what it was asked, at each request in turn`, async (t) => {
    const { server, harbor } = await open(t);
    const { state } = server;
    const requests = await endAtEach(t, { server, when }, (at) => {
      const team = { ...physics, id: `id-${at}`, name: `physics${at}` };
      return {
        attempt: () => harbor.provide!(team),
        async isWhole() {
          const project = state.projects.filter(({ name }) => name === team.name);
          t.match(project, [{ isPublic: false, storageLimit: 5_000 }], `after request ${at}`);
          const groups = project[0]!.members.flatMap((member) =>
            'groupId' in member
              ? [`${state.groups.find(({ id }) => id === member.groupId)!.name} ${member.roleId}`]
              : [],
          );
          t.strictSame(groups.sort(), [`knot:team:${team.name} 2`, 'knot:user:bob 4']);
          t.equal(state.robots.filter(({ projectId }) => projectId === project[0]!.id).length, 1);
          await t.resolves(harbor.registry!.pullLoginOf(team.name), 'what pods are given works');
        },
      };
    });
    t.ok(requests > 7, `${requests} requests`);
  });
}

t.test('a login that Harbor does not take is given to nobody', async (t) => {
  const { server, harbor } = await open(t);
  const { registry } = harbor;
  const early = { code: 'KNOT_INTEGRATIONS_HARBOR_NOT_READY' };
  await t.rejects(registry!.pullLoginOf('physics'), early);
  await harbor.provide!(physics);
  const { name } = await registry!.pullLoginOf('physics');
  t.ok(registry!.isPullLogin('physics', name));
  t.notOk(registry!.isPullLogin('chemistry', name));
  t.notOk(registry!.isPullLogin('physics', 'ada'));
  server.state.robots[0]!.isDisabled = true;
  await t.rejects(registry!.pullLoginOf('physics'), early, 'revoked by hand');
  await harbor.provide!(physics);
  await t.resolves(registry!.pullLoginOf('physics'), 'and set back');
});
