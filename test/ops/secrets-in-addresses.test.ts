import t from 'tap';
import { maskSecrets, newSecret } from '../../gateway/lib/index.ts';
import { startCollector } from '../support/net/collector.ts';
import { startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';
import { sendHttp2, sendRaw } from '../support/net/raw-client.ts';

t.test('what looks like a secret of ours is masked wherever it stands, names and digests stay', async (t) => {
  const secret = newSecret();
  for (const [path, shown] of [
    [`/reset/${secret}`, '/reset/***'],
    [`/reset/${secret}/`, '/reset/***/'],
    [`/Invite/${secret}.`, '/Invite/***.'],
    [`/${secret}/${secret}`, '/***/***'],
    [`/x/${secret}${secret}`, '/x/***'],
    ['/api/v1/users/00000000-0000-4000-8000-000000000000', '/api/v1/users/00000000-0000-4000-8000-000000000000'],
    [`/v2/x/blobs/sha256:${'0af1'.repeat(16)}`, `/v2/x/blobs/sha256:${'0af1'.repeat(16)}`],
    ['/hub/user/ada/lab/tree/a-notebook.ipynb', '/hub/user/ada/lab/tree/a-notebook.ipynb'],
  ] as const)
    t.equal(maskSecrets(path), shown);
});

for (const format of ['json', 'pretty'] as const) {
  t.test(`no secret of an address comes out of the process: ${format} log, traces, metrics, audit`, async (t) => {
    const collector = await startCollector();
    t.teardown(() => collector.close());
    const upstream = await startEcho();
    t.teardown(() => upstream.close());
    const gateway = await startGateway({
      config: {
        integrations: { jupyterhub: { mode: 'off' } },
        apps: [{ name: 'console', upstream: upstream.address }],
        log: { format, level: 'debug' },
        tracing: { endpoint: collector.endpoint },
      },
    });
    t.teardown(() => gateway.stop());
    const { port, origin } = gateway;
    const person = createPerson(gateway);
    t.teardown(() => person.close());

    // Live tokens of each kind; the one that the start prints for the operator is not among them.
    const canaries: string[] = [];
    const canary = (token = newSecret()): string => {
      canaries.push(token);
      return token;
    };
    const setup = await gateway.knot(['user', 'setup-link']);
    const setupToken = canary(/setup\/([\w-]{43})/.exec(setup.stdout)![1]);
    t.equal((await person.visit(`/setup/${setupToken}`)).status, 200, 'the link is live');
    const ada = { username: 'ada', email: 'ada@example.org', password: 'blue tractor 9 lemon' };
    t.equal((await person.fill(await person.visit(`/setup/${setupToken}`), ada)).status, 200);
    const tokenOf = (url: unknown) => canary(/\/([\w-]{43})$/.exec(String(url))![1]);
    const invited = tokenOf((await person.api('POST', '/invitations', {})).json()['url']);
    const bob = (await person.api('POST', '/users', { username: 'bob', email: 'bob@example.org' })).json<{
      link: { url: string };
    }>();
    const reset = tokenOf(bob.link.url);

    // A link of a guest: a live one.
    const shared = await person.api('POST', '/shares', { area: 'private', with: 'guest', right: 'view', days: 1 });
    const link = tokenOf(shared.json()['url']);

    const guest = createPerson(gateway);
    t.teardown(() => guest.close());
    for (const [path, token] of [
      ['/invite', invited],
      ['/reset', reset],
      ['/setup', setupToken],
      ['/s', link],
    ] as const) {
      await guest.visit(`${path}/${token}`);
      await guest.visit(`${path}?token=${token}`);
      await guest.request('HEAD', `${path}/${token}`);
      await guest.request('POST', `${path}/${token}`, { headers: { origin } });
      await guest.request('GET', `${path}/${token}`, { headers: { referer: `${origin}${path}/${token}` } });
      for (const odd of ['/', '.', ')', '/x', '%20', '%']) await guest.request('GET', `${path}/${token}${odd}`);
      await guest.request('GET', `${path.toUpperCase()}/${token}`);
      await guest.request('GET', `/api/v1${path}/${token}`);
      await guest.request('DELETE', `/api/v1/invitations/${token}`, { headers: { origin } });
      await guest.visit(`https://console.localhost:${port}${path}/${token}`);
      await guest.visit(`https://unknown.localhost:${port}${path}/${token}`).catch(() => undefined);
      await guest.submit(path, { token, username: 'x', email: 'x', password: 'short' });
      const raw = { port, ca: caOf(gateway) };
      for (const line of [
        `GET ${path}/${token} HTTP/1.1\r\nHost: elsewhere.example`,
        `GET /${path}/${token} HTTP/1.1\r\nHost: localhost:${port}`,
        `GET ${path}/../${token} HTTP/1.1\r\nHost: localhost:${port}`,
        `GET https://localhost:${port}${path}/${token} HTTP/1.1\r\nHost: localhost:${port}`,
        `GET ${path}/${token} HTTP/3.9\r\nHost: localhost:${port}`,
        `TRACE ${path}/${token} HTTP/1.1\r\nHost: localhost:${port}`,
      ])
        await sendRaw(raw, `${line}\r\nConnection: close\r\n\r\n`).catch(() => undefined);
      await sendHttp2(raw, { ':path': `${path}/${token}`, ':authority': `localhost:${port}` }).catch(() => undefined);
    }
    const state = canary();
    const query = `client_id=none&response_type=code&scope=openid&state=${state}&id_token_hint=${canary()}&code=${canary()}`;
    for (const path of [
      '/oidc/auth',
      `/oidc/auth/${canary()}`,
      `/oidc/interaction/${canary()}`,
      '/oidc/session/end',
      '/oidc/me',
    ])
      await person.visit(`${path}?${query}&access_token=${canary()}`);
    await guest.request('POST', '/oidc/token', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `grant_type=authorization_code&code=${canary()}&client_id=none&client_secret=${canary()}`,
    });
    await guest.visit(`/login?next=${encodeURIComponent(`/reset/${reset}`)}`);
    await guest.submit('/login', { username: canary(), password: canary(), next: `/reset/${reset}` });
    await guest.submit('/login', { username: `${canary()}@example.org`, password: 'x', next: '/' });
    const app = `https://console.localhost:${port}`;
    await guest.visit(`${app}/.knot/callback?code=${canary()}`);
    await person.visit(`${app}/lab?token=${canary()}`);
    await person.request('GET', `${app}/lab?token=${canary()}`, { headers: { accept: 'text/html' } });

    t.equal((await guest.visit(`/reset/${reset}`)).status, 200, 'the reset link is still live');
    const end = `the-end-${format}`;
    await guest.request('GET', `/${end}`);
    await eventually('the last line', () => gateway.output().includes(end));
    const metrics = await (await fetch(`${gateway.ops}/metrics`)).text();
    const audit = (await person.api('GET', '/audit?limit=200')).text;
    t.match(gateway.output(), format === 'json' ? '"path":"/reset/:token"' : '/reset/:token');
    await gateway.signal('SIGTERM');
    for (const [where, text] of Object.entries({
      output: gateway.output(),
      traces: collector.text(),
      metrics,
      audit,
    })) {
      const found = canaries.filter((token) => text.includes(token));
      const lines = text.split('\n').filter((line) => found.some((token) => line.includes(token)));
      t.strictSame(lines, [], where);
    }
    t.ok(audit.includes('link.created'));
    t.ok(collector.spans.length > 0);
  });
}
