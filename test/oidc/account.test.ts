import type { KoaContextWithOIDC } from 'oidc-provider';
import t from 'tap';
import type { Principal, UserState } from '../../gateway/lib/index.ts';
import { createFindAccount, mayUse } from '../../gateway/oidc/account.ts';

const principal = (state: UserState, groups: string[] = ['knot:user:ann']): Principal => ({
  id: 'u1',
  username: 'ann',
  email: 'ann@example.org',
  isAdmin: false,
  state,
  teams: [],
  groups,
  version: 1,
});

const context = { oidc: {} } as KoaContextWithOIDC;

t.test('only an active account exists for the provider', async (t) => {
  for (const state of ['pending', 'disabled'] as const) {
    t.equal(await createFindAccount(async () => principal(state))(context, 'u1'), undefined, state);
  }
  t.equal(await createFindAccount(async () => undefined)(context, 'u1'), undefined, 'unknown');
  const account = await createFindAccount(async () => principal('active'))(context, 'u1');
  t.equal(account?.accountId, 'u1');
  const claims = await account!.claims('id_token', 'openid', {}, []);
  t.notOk('email_verified' in claims, 'unknown is not false');
  t.match(claims, {
    sub: 'u1',
    preferred_username: 'ann',
    email: 'ann@example.org',
    groups: ['knot:user:ann'],
  });
});

t.test('allowed groups: none means everyone, else one of them is enough', (t) => {
  const client = (groups: string[]) => ({ clientId: 'c', 'knot:allowed_groups': groups });
  const ann = principal('active', ['knot:team:astro', 'knot:user:ann']);
  t.ok(mayUse(client([]), ann));
  t.ok(mayUse(client(['knot-admins', 'knot:team:astro']), ann));
  t.notOk(mayUse(client(['knot-admins']), ann));
  t.notOk(mayUse(client(['knot:team:astrophysics', 'knot:team']), ann), 'names are compared whole');
  t.end();
});
