import t from 'tap';
import type { Principal, Session } from '../../../gateway/lib/index.ts';
import { createGate } from '../../../gateway/proxy/judge/gate.ts';
import type { Route } from '../../../gateway/routes/index.ts';

const session = { id: 's', userId: 'ann' } as Session;
const route = {
  host: 'tool.localhost',
  name: 'tool',
  untouchedPrefixes: [] as readonly string[],
  switches: {},
} as unknown as Route;
const asked = { method: 'GET', host: route.host, query: '', decodedPath: '/', address: '127.0.0.1', isUpgrade: true };

/** A gate for which everything holds but what is said otherwise. */
function gateWhere(facts: {
  session?: Session | null;
  state?: string;
  current?: Route | null;
  effect?: 'allow' | 'deny';
  guest?: string | undefined;
  groups?: readonly string[];
  resource?: string;
}) {
  const guest =
    facts.guest === undefined ? null : { session, principal: { id: facts.guest, state: 'guest' } as Principal };
  return createGate({
    guests: { peek: () => guest, find: async () => guest },
    sharedOn: () => undefined,
    programs: { secretOf: () => undefined, find: async () => 'unknown' },
    sessions: { peek: () => undefined, find: async () => (facts.session === undefined ? session : facts.session) },
    accounts: {
      peekPrincipal: () => undefined,
      principalByName: async () => undefined,
      principal: async (id) => ({ id, state: facts.state ?? 'active', groups: facts.groups ?? [] }) as Principal,
    },
    routes: {
      find: () => (facts.current === null ? undefined : (facts.current ?? route)),
      resourceAt: () => ({ type: facts.resource ?? 'Integration', id: 'tool', attributes: {} }) as never,
    },
    decide: () => ({ effect: facts.effect ?? 'allow', rules: [], policyVersion: '1', reason: 'permit' }),
  });
}

/** As whom something was opened. */
const openedAs = (id: string, { groups = [] as string[], goesOn = false } = {}) => ({
  principal: { id, groups } as unknown as Principal,
  goesOn,
});

t.test('what goes on by groups that a tool was told of ends with each of them', async (t) => {
  const groups = ['knot-admins', 'knot:team:physics'];
  const isAllowed = (facts: Parameters<typeof gateWhere>[0], goesOn = true) =>
    gateWhere(facts).isStillAllowed(
      { cookie: 'c', authorization: undefined },
      ...([asked, facts.current ?? route, openedAs('ann', { groups, goesOn })] as const),
    );
  t.equal(await isAllowed({ groups }), true);
  t.equal(await isAllowed({ groups: [...groups, 'knot:team:chess'] }), true, 'in one more');
  t.equal(await isAllowed({ groups: ['knot-admins'] }), false, 'left a team');
  t.equal(await isAllowed({ groups: ['knot:team:physics'] }), false, 'no administrator any more');
  t.equal(await isAllowed({ groups: [] }, false), true, 'what was asked for once');
  t.equal(await isAllowed({ groups: [], resource: 'Service' }), true, 'in a part of somebody’s, which the rules judge');
  const told = { ...route, switches: { groups: ['knot-admins'] } } as unknown as Route;
  t.equal(await isAllowed({ groups: ['knot-admins'], current: told }), true, 'a team that it was not told of');
  t.equal(await isAllowed({ groups: ['knot:team:physics'], current: told }), false);
});

t.test('what is open stays allowed for as long as session, person, route and verdict hold, each of them', async (t) => {
  const isAllowed = (facts: Parameters<typeof gateWhere>[0]) =>
    gateWhere(facts).isStillAllowed({ cookie: 'c', authorization: undefined }, asked, route, openedAs('ann'));
  t.equal(await isAllowed({}), true);
  t.equal(await isAllowed({ current: { ...route, title: 'another title' } }), true, 'the same application');
  t.equal(await isAllowed({ session: null }), false, 'the session ended');
  t.equal(await isAllowed({ state: 'disabled' }), false, 'the person may not sign in');
  t.equal(await isAllowed({ current: null }), false, 'the route is gone');
  t.equal(await isAllowed({ current: { ...route, name: 'other' } }), false, 'the host is another’s now');
  t.equal(await isAllowed({ effect: 'deny' }), false, 'the policies say no');
});

t.test(
  'who came by a link is asked for on the hosts of services alone, and nobody goes on under the name of another',
  async (t) => {
    const service = { ...route, service: { id: 'x', label: 'x', owner: 'ann', isTeam: false } } as Route;
    const withLink = { guest: 'guest:1', session: null };
    t.match(gateWhere(withLink).peekGuest('c', service), { principal: { id: 'guest:1' } });
    t.equal(gateWhere(withLink).peekGuest('c', route), null, 'an application has no guests');
    t.equal(await gateWhere(withLink).findGuest('c', route), null);
    const isAllowed = (facts: Parameters<typeof gateWhere>[0], userId: string, on = service) =>
      gateWhere({ current: on, ...facts }).isStillAllowed(
        { cookie: 'c', authorization: undefined },
        asked,
        on,
        openedAs(userId),
      );
    t.equal(await isAllowed(withLink, 'guest:1'), true);
    t.equal(await isAllowed(withLink, 'guest:1', route), false);
    t.equal(await isAllowed({ ...withLink, effect: 'deny' }, 'guest:1'), false);
    t.equal(await isAllowed({ ...withLink, guest: undefined }, 'guest:1'), false, 'the link ended');
    t.equal(await isAllowed({ guest: 'guest:1' }, 'guest:1'), true, 'signed in since');
    t.equal(await isAllowed(withLink, 'ann'), false, 'what was opened by a sign-in does not go on by a link');
  },
);
