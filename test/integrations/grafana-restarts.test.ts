/** Grafana ends at any request of provisioning: what was begun is brought to its end by the next look, and stands open to nobody else. */
import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { createGrafana, type ToolOwner } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { startGrafana } from '../contracts/grafana/grafana.ts';
import { endAtEach } from './end-at-each.ts';

for (const when of ['before', 'after'] as const) {
  t.test(`it ends ${when} it did what it was asked, at each request in turn`, async (t) => {
    const grafana = await startGrafana();
    t.teardown(grafana.stop);
    const tool = createGrafana({
      publicAddress: publicAddress({ domain: 'knot.test' }, 443),
      ...{ clientSecret: () => 'none', caFile: undefined, clock: systemClock, log: silentLog },
      config: { title: 'Metrics', auth: 'jwt', admin: { user: 'admin', password: { fromFile: '-' } } },
      ...{ secrets: { admin: grafana.adminPassword }, metricsCookieOf: undefined },
      upstream: parseUpstream(grafana.origin, { allowLoopback: true }),
    });
    t.teardown(() => tool.stop());
    const { folders, users, teams } = grafana.state;
    const requests = await endAtEach(t, { server: grafana, when }, (at) => {
      const ada: ToolOwner = {
        ...{ kind: 'user', id: `id-ada${at}`, name: `ada${at}`, title: `ada${at}`, isPaused: false },
        email: `ada${at}@knot.test`,
      };
      const team: ToolOwner = {
        ...{ kind: 'team', id: `id-physics${at}`, name: `physics${at}`, title: 'Physics', isPaused: false },
        members: [ada.name],
      };
      return {
        async attempt() {
          await tool.provide!(ada);
          await tool.provide!(team);
        },
        isWhole() {
          const user = users.filter(({ login }) => login === ada.name);
          t.equal(user.length, 1, `after request ${at}`);
          t.strictSame(folders.get(ada.id)?.grants, [{ userId: user[0]!.id, permission: 2 }]);
          const made = teams.filter(({ name }) => name === `knot-team-${team.name}`);
          t.equal(made.length, 1);
          t.strictSame(folders.get(team.id)?.grants, [{ teamId: made[0]!.id, permission: 2 }]);
          t.strictSame([...made[0]!.members], [user[0]!.id]);
        },
      };
    });
    t.ok(requests > 10, `${requests} requests`);
  });
}
