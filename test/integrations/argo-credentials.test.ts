import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { createArgo } from '../../gateway/integrations/index.ts';
import { type Principal, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { resourceAt } from '../../gateway/routes/resource.ts';
import { normalRoute } from '../../gateway/routes/route.ts';

let asked = 0;
function open(auth: 'token' | 'sso') {
  const argo = createArgo({
    publicAddress: publicAddress({ domain: 'localhost' }, 8443),
    clientSecret: () => 'secret',
    caFile: undefined,
    ownCaPem: undefined,
    clock: systemClock,
    log: silentLog,
    config: { title: 'Workflows', namespace: 'argo', auth },
    upstream: parseUpstream('http://127.0.0.1:2746', { allowLoopback: true }),
    secret: undefined,
    namespacePrefix: 'knot-',
    requestToken: async (namespace) => {
      asked += 1;
      return { token: `of ${namespace}`, lifeMs: 600_000 };
    },
  });
  t.teardown(() => argo.stop());
  return argo;
}
const argo = open('token');
const route = normalRoute(argo.route);
const bob = { username: 'bob', teams: [{ name: 'physics', role: 'member' }] } as unknown as Principal;
const [browser, program] = [{ isProgram: false }, { isProgram: true }];
const shown = async (path: string, query = '') =>
  (await argo.credentials!(bob, resourceAt(route, path, query), browser))[1];

t.test(
  'a person is asked for as the account of their namespace or of their team’s, whatever the rules let in',
  async (t) => {
    for (const [path, namespace] of [
      ['/api/v1/workflows/knot-bob', 'knot-bob'],
      ['/api/v1/workflows/knot-team-physics', 'knot-team-physics'],
      // Nobody's in particular.
      ...['/', '/api/v1/userinfo', '/workflow.WorkflowService/ListWorkflows'].map((each) => [each, 'knot-bob']),
      // Somebody else's, a team's that he is not in, nobody's, everybody's: the rules refuse these, and so would Argo.
      ...['/api/v1/workflows/knot-joanna', '/api/v1/workflows/knot-team-chess', '/api/v1/workflows/argo'].map(
        (each) => [each, 'knot-bob'],
      ),
      ...['/api/v1/workflows/', '/api/v1/archived-workflows', '/artifacts-by-uid/1/2/3'].map((each) => [
        each,
        'knot-bob',
      ]),
      // A person is not let in as a team of their name, nor a team as a person.
      ['/api/v1/workflows/knot-team-bob', 'knot-bob'],
      ['/api/v1/workflows/knot-physics', 'knot-bob'],
    ] as [string, string][])
      t.equal(await shown(path), `Bearer of ${namespace}`, path);
    t.equal(await shown('/api/v1/archived-workflows', '?namespace=knot-team-physics'), 'Bearer of knot-team-physics');
  },
);

t.test('no client tells Argo who it is, and Argo’s own cookies go neither way', async (t) => {
  t.match(route.switches, {
    withheld: { headers: ['authorization'], cookies: ['authorization'] },
    programs: 'workflows',
  });
  t.equal(argo.client, undefined, 'it signs nobody in');
});

t.test('a token that Argo did not take is not shown it again', async (t) => {
  const resource = resourceAt(route, '/api/v1/workflows/knot-bob', '');
  await argo.credentials!(bob, resource, browser);
  const before = asked;
  await argo.credentials!(bob, resource, browser);
  t.equal(asked, before, 'one that is good is kept');
  argo.credentials!.refused!(bob, resource);
  await argo.credentials!(bob, resource, browser);
  t.equal(asked, before + 1);
});

t.test(
  'where Argo signs people in, its own cookie says who they are, and Knot speaks for their programs alone',
  async (t) => {
    const signing = open('sso');
    const { switches, leads } = normalRoute(signing.route);
    const resource = resourceAt(normalRoute(signing.route), '/api/v1/workflows/knot-bob', '');
    t.strictSame(await signing.credentials!(bob, resource, browser), []);
    t.strictSame(await signing.credentials!(bob, resource, program), ['authorization', 'Bearer of knot-bob']);
    t.match(switches, { withheld: { headers: ['authorization'], cookies: [] }, ownSignIn: ['authorization'] });
    t.equal(leads?.['/login'], '/oauth2/redirect?redirect=/workflows/{}');
    t.match(signing.client, { clientId: 'argo', redirectUris: ['https://argo.localhost:8443/oauth2/callback'] });
  },
);
