import { type ComponentHealth, printable } from '../../lib/index.ts';
import type { Ask } from '../ask.ts';
import { createFindings, noteClock } from '../findings.ts';
import { type Older, olderThan } from '../older.ts';

/** What a hub must know of Knot, as far as it can be asked for it. */
export type HubSettings = { issuer: string; clientId: string; callback: string };

/** Before it there was no `JupyterHub.public_url`, and nobody may come in without `allow_all` (JupyterHub 5.0, changelog). */
const oldest = '5.0';

/** What the token of Knot must be good for there (`serviceBy`). */
const wantedScopes = ['read:servers', 'delete:servers'];

/** What a hub says of its version to everybody (jupyterhub/apihandlers/hub.py, RootAPIHandler). */
export async function olderHub(ask: Ask): Promise<Older | undefined> {
  const { body } = await ask<{ version?: unknown }>('GET', '/hub/api');
  return olderThan(oldest, { title: 'JupyterHub', version: body?.version });
}

/** Asks a running hub whether it is set up as what is pasted into it says: each finding once, in the order one would look. */
export async function checkHub(
  ask: Ask,
  { settings, token, now }: { settings: HubSettings; token: string; now(): number },
): Promise<ComponentHealth[]> {
  const { found, note, answered, tried } = createFindings();
  const paste = 'Paste what `knot integrations show jupyterhub` prints into its jupyterhub_config.py, and restart it.';
  const root = await tried('answers', () => ask<{ version?: unknown }>('GET', '/hub/api', { also: [404] }));
  if (root === undefined) return found;
  // Whoever else answers here says no version, or not in words.
  const body = typeof root.body?.version === 'string' ? { version: root.body.version } : undefined;
  if (!answered({ name: 'jupyterhub', title: 'JupyterHub' }, body, ({ version }) => version)) return found;
  const older = olderThan(oldest, { title: 'JupyterHub', version: body.version });
  if (older) note('version', 'failed', older.message, older.remedy);
  noteClock({ note }, 'clock', root.headers, now());

  await tried('sign-in', async () => {
    // oauthenticator: where it sends whoever is to sign in. With a password it has no such page.
    const { status, headers } = await ask('GET', '/hub/oauth_login', { also: [302, 404] });
    const { location = '' } = headers;
    const to = URL.canParse(location) ? new URL(location) : undefined;
    if (status !== 302 || to?.href.startsWith(`${settings.issuer}/`) !== true)
      return note('sign-in', 'failed', 'People do not sign in at Knot.', paste);
    const back = to.searchParams.get('redirect_uri');
    if (back === settings.callback && to.searchParams.get('client_id') === settings.clientId)
      return note('sign-in', 'ok', 'It sends people to Knot to sign in, and has them come back to its own address.');
    const words = `It has people come back to ${printable(back ?? 'no address').slice(0, 200)}, and not to ${settings.callback}.`;
    return note('sign-in', 'failed', words, paste);
  });
  await tried('servers', async () => {
    // jupyterhub/apihandlers/users.py, SelfAPIHandler: whose a token is, and what it is good for.
    const headers = { authorization: `token ${token}` };
    const { body } = await ask<{ scopes?: unknown }>('GET', '/hub/api/user', { headers, also: [403] });
    const scopes = Array.isArray(body?.scopes) ? body.scopes : [];
    if (wantedScopes.every((scope) => scopes.includes(scope)))
      return note('servers', 'ok', 'It tells Knot whose server runs, and stops it when they ask.');
    const words = 'It does not let Knot see and stop the servers of people: their tiles do not say whether one runs.';
    return note('servers', 'warning', words, paste);
  });
  return found;
}
