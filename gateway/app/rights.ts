import type { Accounts } from '../accounts/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import type { Live } from '../live/index.ts';
import type { Policy } from '../policy/index.ts';
import type { Proxy } from '../proxy/index.ts';
import type { Routes } from '../routes/index.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Store } from '../store/index.ts';
import type { Tokens } from '../tokens/index.ts';

/** What ends a right ends what is open by it, within two seconds and on every replica: the facts tell, the streams are judged again. */
export function endWithRights(parts: {
  store: Pick<Store, 'onGap'>;
  sessions: Pick<Sessions, 'onEnded' | 'onHostSessionEnded'>;
  accounts: Pick<Accounts, 'onChange'>;
  policy: Pick<Policy, 'onReload'>;
  tokens: Pick<Tokens, 'onEnded'>;
  routes: Pick<Routes, 'onChange'>;
  keys: Pick<SigningKeys, 'onChange'>;
  live: Pick<Live, 'closeSession' | 'rejudge'>;
  proxy: Pick<Proxy, 'forgetAssertions'>;
}): void {
  const { store, sessions, accounts, policy, tokens, routes, keys, live, proxy } = parts;
  sessions.onEnded((centralId) => void live.closeSession(centralId, 'signed out'));
  sessions.onHostSessionEnded((id) => void live.closeSession(id, 'signed out'));
  tokens.onEnded((id) => void live.closeSession(id, 'token revoked'));
  accounts.onChange((userId) => void live.rejudge({ userId }));
  policy.onReload(() => void live.rejudge());
  routes.onChange((changes) => void live.rejudge({ hosts: changes.map(({ host }) => host) }));
  keys.onChange(() => proxy.forgetAssertions());
  // Whoever lost a right meanwhile was never named: everything that is open is asked.
  store.onGap(() => void live.rejudge());
}
