import t from 'tap';
import { endsSoon, isExpired } from '../../dashboard/src/lib/tokens/expiry.ts';
import { parts, type Part, type Reach, scopesOf, tokenWords } from '../../dashboard/src/lib/tokens/scopes.ts';
import { parseScope, scopeSubjects } from '../../gateway/tokens/index.ts';

const reachOf = (chosen: Partial<Record<Part, Reach>>) =>
  ({
    files: 'none',
    shares: 'none',
    services: 'none',
    metrics: 'none',
    kubernetes: 'none',
    workflows: 'none',
    teams: 'none',
    account: 'none',
    admin: 'none',
    ...chosen,
  }) as const;

t.test('what is ticked becomes scopes that the gateway knows', async (t) => {
  t.same([...parts].sort(), [...scopeSubjects].sort(), 'each part of the API can be chosen');
  const everything = scopesOf({
    reach: reachOf({ files: 'write', account: 'read', admin: 'write' }),
    areas: undefined,
  });
  t.same(everything, ['files:write', 'account:read', 'admin:write']);
  const some = scopesOf({ reach: reachOf({ files: 'read', teams: 'write' }), areas: ['private', 'team:physics'] });
  t.same(some, ['files:read:private', 'files:read:team:physics', 'teams:write']);
  for (const scope of [...everything, ...some]) t.doesNotThrow(() => parseScope(scope));
  t.same(scopesOf({ reach: reachOf({ files: 'write' }), areas: [] }), [], 'no area is no files');
});

t.test('scopes are said in plain words', async (t) => {
  t.equal(
    tokenWords(['files:write:private', 'files:write:team:physics', 'files:read:shared', 'account:read']),
    'Read and change my private files and the files of the team physics; read the shared files; know who I am, my teams and tools',
  );
  t.equal(tokenWords(['files:read', 'files:read:private']), 'Read files', 'the wider one says it');
  t.equal(tokenWords(['admin:write']), 'Do everything an admin may do');
  t.equal(tokenWords(['clusters:start']), 'Clusters:start', 'what is new is shown as it is');
});

t.test('a token in use is told of within a week of its end, once it is over no more', async (t) => {
  const day = 86_400_000;
  const now = 100 * day;
  const token = { expiresAt: now + 3 * day, lastUsedAt: now - day };
  t.ok(endsSoon(token, now));
  t.notOk(endsSoon({ ...token, lastUsedAt: null }, now));
  t.notOk(endsSoon({ ...token, lastUsedAt: now - 31 * day }, now), 'nobody uses it any more');
  t.notOk(endsSoon({ ...token, expiresAt: now + 8 * day }, now));
  t.notOk(endsSoon({ ...token, expiresAt: now }, now));
  t.ok(isExpired({ expiresAt: now }, now));
});
