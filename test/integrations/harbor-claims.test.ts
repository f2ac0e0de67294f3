import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { claimedBy } from '../../gateway/integrations/harbor/claimed-by.ts';
import { createHarbor, type HarborOptions, type Integration } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { startHarbor } from '../contracts/harbor/harbor.ts';
import { eventually } from '../support/eventually.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const token = (claims: unknown): string =>
  `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

t.test('whose a password or a token of the registry is', async (t) => {
  for (const [authorization, name] of [
    [basic('ada:secret'), 'ada'],
    [basic('ada:with:colons'), 'ada'],
    [basic('ada:').replace('Basic ', 'basic   '), 'ada'],
    [basic('robot$ada+knot-0:secret'), 'ada'],
    [basic('bot$physics+ci:secret'), 'physics'],
    [basic('robot$ci:secret'), 'robot$ci'],
    [basic('nobody'), undefined],
    [token({ sub: 'ada' }), 'ada'],
    [token({ sub: 'robot$ada+knot-1' }), 'ada'],
    [token({ sub: '0e8f', preferred_username: 'ada' }), 'ada'],
    [token({ sub: '' }), undefined],
    [token({ sub: 5 }), undefined],
    [token(null), undefined],
    [token([]), undefined],
    ['Bearer e30.!!.c2ln', undefined],
    ['Bearer short', undefined],
    ['', undefined],
    [`Basic ${'A'.repeat(50_000)}`, undefined],
  ] as const)
    t.equal(claimedBy(authorization, 'robot$'), name, authorization.slice(0, 60));
});

t.test('whatever the installation puts before the names of its robots', async (t) => {
  for (const [prefix, name, owner] of [
    ['bot_', 'bot_ada+knot-0', 'ada'],
    ['bot', 'botada+knot-0', 'ada'],
    ['', 'ada+knot-0', 'ada'],
    ['a$b$', 'a$b$ada+knot-0', 'ada'],
    // Seen before it was changed.
    ['bot_', 'robot$ada+knot-0', 'ada'],
    ['bot_', 'bot_ci', 'bot_ci'],
    ['bot_', 'bot_', 'bot_'],
    ['bot', 'botany', 'botany'],
    ['bot_', 'bot_../x+y', 'bot_../x+y'],
  ] as const) {
    t.equal(claimedBy(basic(`${name}:secret`), prefix), owner, name);
    t.equal(claimedBy(token({ sub: name }), prefix), owner, `${name}: token`);
  }
});

t.test('it is asked for at the start, before anybody is looked at and whatever comes of the rest', async (t) => {
  const server = await startHarbor({ withRegistry: false });
  t.teardown(server.stop);
  const { state } = server;
  state.settings.robot_name_prefix = 'bot_';
  const open = (changes: Pick<HarborOptions, 'config' | 'secrets'>) => {
    const harbor = createHarbor({
      ...{ publicAddress: publicAddress({ domain: 'knot.test' }, 443), clientSecret: () => 'client-secret-0123456789' },
      ...{ caFile: undefined, clock: systemClock, log: silentLog, ...changes },
      upstream: parseUpstream(server.origin, { allowLoopback: true }),
    });
    t.teardown(() => harbor.stop());
    return harbor;
  };
  const claimed = ({ claimedBy }: Pick<Integration, 'claimedBy'>) => claimedBy!(basic('bot_ada+knot-0:secret'));
  const byAdmin = () => open({ config: { title: 'Images' }, secrets: { admin: server.adminPassword } });
  const first = byAdmin();
  await first.provide!({ kind: 'user', id: 'id-ada', name: 'ada', title: 'ada', isPaused: false });

  // How people sign in cannot be set up any more: there is somebody.
  state.users.push({ ...state.users[0]!, id: 5, username: 'local', email: 'l@x.org', isAdmin: false });
  const second = byAdmin();
  t.not(claimed(second), 'ada', 'while nobody has asked');
  second.start();
  await eventually('the administrator is told', () => claimed(second) === 'ada');

  const access = (resource: string, ...actions: string[]) => actions.map((action) => ({ resource, action }));
  state.robots.push({
    ...{ id: 500, name: 'bot_knot', level: 'system', projectId: undefined, description: '', secret: 'Robot12345' },
    ...{ duration: -1, expiresAt: -1, isDisabled: false, createdAt: '' },
    permissions: [
      { kind: 'system', namespace: '/', access: [...access('project', 'list'), ...access('robot', 'list')] },
      { kind: 'project', namespace: '*', access: [...access('project', 'read'), ...access('robot', 'list', 'read')] },
    ],
  });
  const robot = { name: 'bot_knot', secret: { fromEnv: 'X' } };
  const third = open({ config: { title: 'Images', robot }, secrets: { robot: 'Robot12345' } });
  third.start();
  await eventually('a robot sees it', () => claimed(third) === 'ada');
});
