import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import t from 'tap';
import { openPeople, password } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

/** Offline access through the whole gateway: given to a tool that asks like kubelogin, seen, and ended by every act that should. */
const redirectUri = 'http://localhost:8000';
const { gateway, ann, person, stranger } = await openPeople(t, {
  others: ['bob'],
  config: {
    oidc: {
      // Nobody here proved an address.
      emailVerified: 'all',
      clients: [
        { clientId: 'kube', title: 'kubectl', public: true, firstParty: true, redirectUris: [redirectUri] },
        { clientId: 'wiki', title: 'Wiki', public: true, firstParty: true, redirectUris: ['https://wiki.example/cb'] },
      ],
    },
  },
});
const bob = await person('bob');

const json = async (answer: Promise<{ json(): unknown }>) => (await answer).json() as Record<string, never>;

type Tokens = { refresh_token: string; id_token: string };

/** A refresh token. */
const connect = async (...who: Parameters<typeof tokensOf>): Promise<string> => (await tokensOf(...who)).refresh_token;

/** The browser is sent through the code flow by a POST, as some clients do. */
async function tokensOf(person: Person, clientId = 'kube', uri = redirectUri, scope = ''): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url');
  const form = new URLSearchParams({
    client_id: clientId,
    redirect_uri: uri,
    response_type: 'code',
    scope: `openid groups offline_access${scope}`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    origin: 'https://rp.example',
    'sec-fetch-site': 'cross-site',
  };
  let answer = await person.request('POST', '/oidc/auth', { headers, body: form.toString() });
  let location = new URL(String(answer.headers['location']), gateway.origin).href;
  while (!location.startsWith(uri)) {
    answer = await person.request('GET', location, { headers: { accept: 'text/html' } });
    if (answer.headers['location'] === undefined)
      throw new Error(`stopped at ${location}: ${answer.status} ${answer.text}`);
    location = new URL(String(answer.headers['location']), gateway.origin).href;
  }
  const code = new URL(location).searchParams.get('code')!;
  const answered = await token({
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    redirect_uri: uri,
    code_verifier: verifier,
  });
  return answered.json<Tokens>();
}

/** Whoever has the secrets of a tool, and no session. */
const tool = stranger();

function token(fields: Record<string, string>) {
  return tool.request('POST', '/oidc/token', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  });
}

/** Whether a refresh token still works; the new one, because it is rotated. */
async function refresh(refreshToken: string, clientId = 'kube'): Promise<string | undefined> {
  const answer = await token({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId });
  return answer.status === 200 ? String(answer.json()['refresh_token']) : undefined;
}

t.test('a person sees and ends connected applications; another person’s are not theirs', async (t) => {
  let refreshToken = (await refresh(await connect(bob)))!;
  const { connections } = await json(bob.api('GET', '/account/connections'));
  t.match(connections, [{ clientId: 'kube', name: 'kubectl', isOffline: true, scopes: ['groups', 'offline_access'] }]);
  t.match(await json(ann.api('GET', '/account/connections')), { connections: [] });
  t.equal((await ann.api('DELETE', '/account/connections/kube')).status, 404);
  refreshToken = (await refresh(refreshToken))!;
  t.equal((await bob.api('DELETE', '/account/connections/kube')).status, 204);
  t.equal(await refresh(refreshToken), undefined);
  t.match(await json(bob.api('GET', '/account/connections')), { connections: [] });
});

t.test('tools are told that an address is proven as the configuration says', async (t) => {
  const { id_token } = await tokensOf(bob, 'kube', redirectUri, ' email');
  t.match(decodeJwt(id_token), { email: 'bob@example.org', email_verified: true });
  t.equal((await bob.api('DELETE', '/account/connections/kube')).status, 204);
});

t.test('an admin sees and ends those of a person', async (t) => {
  const refreshToken = await connect(bob);
  const { users } = await json(ann.api('GET', '/users?q=bob'));
  const { id } = (users as unknown as { id: string }[])[0]!;
  t.match(await json(ann.api('GET', `/users/${id}/connections`)), { connections: [{ clientId: 'kube' }] });
  t.equal((await ann.api('DELETE', `/users/${id}/connections/kube`)).status, 204);
  t.equal(await refresh(refreshToken), undefined);

  const again = await connect(bob);
  t.match(await json(ann.api('DELETE', `/users/${id}/sessions?keepConnections=true`)), { connections: 0 });
  const kept = await refresh(again);
  t.ok(kept, 'kept where the admin says so');
  await bob.signIn('bob', password);
  t.match(await json(ann.api('DELETE', `/users/${id}/sessions`)), { ended: 1, connections: 1 });
  t.equal(await refresh(kept!), undefined, 'else ended with the sessions');
  await bob.signIn('bob', password);
});

t.test('signing out everywhere else ends them, unless the person says otherwise', async (t) => {
  const refreshToken = await connect(bob);
  t.match(await json(bob.api('DELETE', '/account/sessions?keepConnections=true')), { connections: 0 });
  const kept = await refresh(refreshToken);
  t.ok(kept);
  t.match(await json(bob.api('DELETE', '/account/sessions')), { connections: 1 });
  t.equal(await refresh(kept!), undefined);
});

t.test('a new password ends them, unless the person says otherwise', async (t) => {
  const refreshToken = await connect(bob);
  const change = (current: string, next: string, more = {}) =>
    bob.api('PUT', '/account/password', { current, new: next, ...more });
  const next = 'lantern-otter-battery-11';
  t.equal((await change(password, next, { keepConnections: true })).status, 204);
  const kept = await refresh(refreshToken);
  t.ok(kept);
  t.equal((await change(next, password)).status, 204);
  t.equal(await refresh(kept!), undefined);
});

t.test('the command line lists and ends them', async (t) => {
  let refreshToken = await connect(bob);
  const wiki = await connect(bob, 'wiki', 'https://wiki.example/cb');
  const listed = await gateway.knot(['connection', 'list', '--user', 'bob']);
  t.match(listed.stdout, /kube\s+kubectl\s+offline\s+\d{4}-\d\d-\d\d\s+\d{4}-\d\d-\d\d\s+groups offline_access/);
  const asJson = await gateway.knot(['connection', 'list', '--user', 'bob', '--json']);
  t.match(JSON.parse(asJson.stdout), [{ clientId: 'kube' }, { clientId: 'wiki' }]);
  t.match(await gateway.knot(['connection', 'end', 'wiki', '--user', 'bob']), { status: 0, stdout: /disconnected/ });
  t.equal(await refresh(wiki, 'wiki'), undefined);
  t.match(await gateway.knot(['connection', 'end', 'wiki', '--user', 'bob']), {
    status: 1,
    stderr: /KNOT_OIDC_CONNECTION_UNKNOWN/,
  });
  t.match(await gateway.knot(['connection', 'list', '--user', 'nobodyhere']), {
    status: 1,
    stderr: /KNOT_CLI_NO_SUCH_USER/,
  });
  t.match(await gateway.knot(['connection', 'list']), { status: 2, stderr: /--user is missing/ });
  t.match(await gateway.knot(['session', 'end', '--user', 'bob', '--keep-connections']), { status: 0 });
  refreshToken = (await refresh(refreshToken))!;
  t.ok(refreshToken);
  t.match(await gateway.knot(['session', 'end', '--user', 'bob']), {
    status: 0,
    stdout: /0 sessions and 1 connected application ended/,
  });
  t.equal(await refresh(refreshToken), undefined);
});
