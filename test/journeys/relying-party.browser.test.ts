import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { browserSkipReason, launchBrowser } from '../support/dashboard/browser.ts';
import { startGateway } from '../support/process/gateway.ts';
import { shows } from '../support/dashboard/shows.ts';

const passwords = { ann: 'correct-horse-staple-7', bob: 'battery-lantern-otter-9' };

/** A relying party on another site, before a real browser: what its cookies and redirects do is the browser's own. */
t.test('a relying party on another site', { skip: browserSkipReason() }, async (t) => {
  const party = createServer((request, response) => {
    const url = new URL(request.url!, 'http://127.0.0.1');
    const form = url.searchParams.get('form');
    response.setHeader('content-type', 'text/html');
    if (form === null)
      return void response.end(`<h1>Back</h1><p>${url.searchParams.has('code') ? 'with a code' : 'without'}</p>`);
    const { action, fields, padding } = JSON.parse(form) as {
      action: string;
      fields: Record<string, string>;
      padding: number;
    };
    // Made here: the address of this page would not bear it.
    if (padding > 0) fields['login_hint'] = 'x'.repeat(padding);
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
    response.end(`<form method="post" action="${action}">${inputs.join('')}<button>Go</button></form>`);
  });
  await new Promise<void>((resolve) => party.listen(0, '127.0.0.1', resolve));
  const site = `http://127.0.0.1:${(party.address() as AddressInfo).port}`;
  const redirectUri = `${site}/callback`;
  const gateway = await startGateway({
    config: {
      integrations: { jupyterhub: { mode: 'off' } },
      oidc: {
        clients: [
          {
            clientId: 'party',
            title: 'Party',
            secret: { fromEnv: 'PARTY_SECRET' },
            firstParty: true,
            redirectUris: [redirectUri],
            postLogoutRedirectUris: [`${site}/bye`],
          },
        ],
      },
    },
    environment: { PARTY_SECRET: 'party-secret-0123456789' },
  });
  const browser = await launchBrowser();
  t.teardown(async () => {
    await browser.close();
    await gateway.stop();
    party.closeAllConnections();
    party.close();
  });
  for (const [name, flags] of [
    ['ann', ['--admin']],
    ['bob', []],
  ] as const) {
    const words = ['user', 'add', name, '--email', `${name}@example.org`, '--password-file', '-', ...flags];
    t.equal((await gateway.knot(words, passwords[name])).status, 0);
  }
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const asked = { client_id: 'party', redirect_uri: redirectUri, response_type: 'code', scope: 'openid' };
  const address = (more: Record<string, string>) =>
    `${gateway.origin}/oidc/auth?${new URLSearchParams({ ...asked, ...more }).toString()}`;
  const post = async (path: string, fields: Record<string, string>, padding = 0) => {
    const form = JSON.stringify({ action: gateway.origin + path, fields, padding });
    await page.goto(`${site}/?form=${encodeURIComponent(form)}`);
    await page.getByRole('button', { name: 'Go' }).click();
  };
  const signIn = async (name: 'ann' | 'bob') => {
    await page.getByLabel('Username or e-mail').fill(name);
    await page.getByLabel('Password').fill(passwords[name]);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const isBack = () => page.getByText('with a code').waitFor();

  await t.test('login_hint fills in the name', async (t) => {
    await page.goto(address({ login_hint: 'ann' }));
    await shows(t, () => page.getByLabel('Username or e-mail').inputValue(), 'ann');
    await signIn('ann');
    await isBack();
  });

  await t.test('a posted request finds the sign-in, whose cookies are Lax, short or long', async (t) => {
    for (const [state, padding] of [
      ['short', 10],
      ['long', 40_000],
    ] as const) {
      await post('/oidc/auth', { ...asked, state, prompt: 'none' }, padding);
      await isBack();
      t.equal(new URL(page.url()).searchParams.get('state'), state);
    }
  });

  await t.test('prompt=select_account asks, continues, and changes the account', async (t) => {
    // When somebody signed in is told in whole seconds (auth_time): within the same one it is a choice made just now.
    const second = (): number => Math.floor(Date.now() / 1000);
    const before = second();
    await eventually('a second later', () => second() > before);
    await page.goto(address({ prompt: 'select_account' }));
    await page.getByRole('link', { name: 'Continue as ann' }).click();
    await isBack();
    await page.goto(address({ prompt: 'select_account' }));
    await page.getByRole('link', { name: 'Use another account' }).click();
    await signIn('bob');
    await isBack();
    await page.goto(`${gateway.origin}/logout`);
    await shows(t, () => page.getByText('bob').first().isVisible(), true);
  });

  await t.test('a posted sign-out asks, and returns', async (t) => {
    await post('/oidc/session/end', { client_id: 'party', post_logout_redirect_uri: `${site}/bye` });
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('heading', { name: 'Back' }).waitFor();
    t.equal(page.url(), `${site}/bye`);
    await page.goto(address({ prompt: 'none' }));
    await page.getByText('without').waitFor();
    t.equal(new URL(page.url()).searchParams.get('error'), 'login_required');
  });
});
