import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { renderErrorPage, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createCertificates } from '../../gateway/tls/index.ts';
import { browserSkipReason, launchBrowser, violationsOn } from '../support/dashboard/browser.ts';
import { createFixture, type Fixture, origin, password, type Settings } from './fixture.ts';
import { shows } from '../support/dashboard/shows.ts';

const skip = browserSkipReason();

/** The pages behind a real TLS listener, and a browser for which `https://localhost:8443` is that listener. */
async function open(t: Test, settings: Settings = {}): Promise<Fixture & { browser: Browser }> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-pages-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const certificates = await createCertificates({
    isKnownHost: () => false,
    config: { cert: undefined, key: undefined },
    domain: 'localhost',
    dataFolder: folder,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => certificates.close());
  const fixture = await createFixture(t, { caPem: 'PEM', https: certificates.current(), ...settings });
  await fixture.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = fixture.app.server.address() as AddressInfo;
  const browser = await launchBrowser([`--host-resolver-rules=MAP localhost:8443 127.0.0.1:${port}`]);
  t.teardown(() => browser.close());
  return { ...fixture, browser };
}

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const complaints = (page: Page): Promise<string[]> => violationsOn(page, { tags });

const errorPages: Record<string, string> = {
  refused: renderErrorPage({
    status: 403,
    heading: 'This is not yours to open',
    reason: 'You are signed in as bob. Opening the notebook server of ann was refused by a rule of this platform.',
    remedy: 'Ask ann to share it with you, or an administrator to change the rule.',
    facts: [
      ['Decision', '7k3m9qwe2rt5y8ab'],
      ['Rule', 'owners-only-of-a-rather-long-name (notebooks.cedar, line 12)'],
    ],
    links: [
      { href: '/', label: 'Home' },
      { href: '/logout', label: 'Use another account' },
    ],
  }),
  unknown: renderErrorPage({ status: 404, heading: 'Nothing here', reason: 'This address leads nowhere.' }),
  preparing: renderErrorPage({
    status: 503,
    heading: 'Notebooks is being prepared',
    reason: 'JupyterHub is installed on the first start. This page follows along by itself.',
    progress: { step: 'Installing JupyterLab, step 4 of 6', value: 0.62 },
  }),
  waking: renderErrorPage({
    status: 503,
    heading: 'Your notebook is waking up',
    reason: 'It was asleep. Opening it takes about 10 s.',
    progress: { step: 'Starting the server' },
  }),
  unreachable: renderErrorPage({ status: 502, heading: 'Notebooks does not answer', reason: 'Your files are safe.' }),
  asleep: renderErrorPage({ status: 503, heading: 'Asleep', reason: 'Not used for a while.', tone: 'asleep' }),
};

t.test('every page is accessible, readable at 320 px and easy to hit, light and dark', { skip }, async (t) => {
  const { browser, accounts, addUser, signIn, post } = await open(t, { login: { attemptsPerAccount: 1 } });
  const userId = await addUser('ann');
  await addUser('bob');
  const cookie = await signIn('ann');
  const actor = { name: 'admin' };
  const [setup, invitation, reset] = [
    (await accounts.createLink({ kind: 'setup', lifetimeSeconds: 600 }, actor)).token,
    (await accounts.createLink({ kind: 'invitation', email: 'eve@example.org', lifetimeSeconds: 600 }, actor)).token,
    (await accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 600 }, actor)).token,
  ];
  const visits: Record<string, { path: string; cookie?: string } | { markup: string }> = {
    'sign in': { path: '/login' },
    'signed out': { path: '/login?note=signed-out' },
    'sign in again': { path: '/login?reauthenticate=1', cookie },
    'choose an account': { path: '/login/account?next=%2Fpolicies', cookie },
    'another account': { path: '/login?switch=1', cookie },
    'sign out': { path: '/logout', cookie },
    'sign up': { path: '/signup' },
    pending: { path: '/signup/pending' },
    setup: { path: `/setup/${setup}` },
    invitation: { path: `/invite/${invitation}` },
    reset: { path: `/reset/${reset}` },
    'dead link': { path: '/reset/x' },
    'not ours': { path: '/login/handoff?to=x&binding=x' },
    'wrong password': { markup: (await post('/login', { username: 'bob', password: 'wrong' })).body },
    'too many attempts': { markup: (await post('/login', { username: 'bob', password })).body },
    'field errors': { markup: (await post('/signup', { username: 'admin', email: 'x', password: 'x' })).body },
    ...Object.fromEntries(Object.entries(errorPages).map(([name, markup]) => [name, { markup }])),
  };
  for (const [scheme, width] of [
    ['light', 1440],
    ['dark', 390],
    ['light', 320],
  ] as const) {
    const isPhone = width < 500;
    const viewport = { width, height: 800 };
    const context = await browser.newContext({
      colorScheme: scheme,
      viewport,
      hasTouch: isPhone,
      isMobile: isPhone,
      ignoreHTTPSErrors: true,
    });
    const page = await context.newPage();
    for (const [name, visit] of Object.entries(visits)) {
      const label = `${name}, ${scheme}, ${width} px`;
      await context.clearCookies();
      if ('markup' in visit) await page.setContent(visit.markup);
      else {
        if (visit.cookie) await setCookie(context, visit.cookie);
        await page.goto(origin + visit.path);
      }
      t.match(await page.evaluate(measure), { overflow: 0, low: [], isStyled: true }, label);
      // The markup is the same at each size and the colours have a test of their own: all pages once, the kinds of page twice.
      if (width === 390 || (width === 1440 && kinds.has(name)))
        t.strictSame(await complaints(page), [], `axe: ${label}`);
    }
    await context.close();
  }
});

/** Runs in the page: sideways overflow, controls lower than 44 px, and whether the policy let the stylesheet in. */
const measure = `({
  overflow: Math.max(0, document.documentElement.scrollWidth - innerWidth),
  low: [...document.querySelectorAll('main .button, main input:not([type=hidden])')]
    .filter((element) => element.getBoundingClientRect().height < 44)
    .map((element) => element.outerHTML),
  isStyled: getComputedStyle(document.querySelector('main')).maxWidth === '416px',
})`;

const kinds = new Set(['sign in', 'field errors', 'refused', 'preparing']);

async function setCookie(context: BrowserContext, cookie: string): Promise<void> {
  const [name, value] = cookie.split('=') as [string, string];
  await context.addCookies([{ name, value, url: origin, secure: true, httpOnly: true, sameSite: 'Lax' }]);
}

t.test('without JavaScript: sign up, sign in, sign out, by keyboard', { skip }, async (t) => {
  const { browser, accounts, addAdmin } = await open(t);
  await addAdmin();
  const context = await browser.newContext({ javaScriptEnabled: false, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${origin}/login`);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Username').fill('Carla');
  await page.getByLabel('E-mail').fill('carla@example.org');
  await page.getByLabel('Password').fill('password123');
  await page.keyboard.press('Enter');
  await page.getByText('list of common and breached passwords').waitFor();
  await shows(t, () => page.getByLabel('E-mail').inputValue(), 'carla@example.org');
  await shows(t, () => page.getByLabel('Password').inputValue(), '');
  await page.getByLabel('Username').fill('carla');
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Waiting for approval' }).waitFor();
  const carla = await accounts.findUserByName('carla');
  await accounts.setState(carla!.id, 'active', { name: 'admin' });

  await page.goto(`${origin}/login?next=/logout%3Fx`);
  // A page has loaded a moment before the browser puts the cursor into the field; what is typed in between is lost.
  await page.locator('input[name=username]:focus').waitFor();
  await page.keyboard.type('carla');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong password');
  await page.keyboard.press('Enter');
  await page.getByText('Username or password is wrong.').waitFor();
  await page.locator('input[type=password]:focus').waitFor();
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/`);
  const [cookie] = await context.cookies(origin);
  t.match(cookie, {
    name: '__Host-knot',
    secure: true,
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
    domain: 'localhost',
  });

  await page.goto(`${origin}/logout`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out.').waitFor();
  const left = (await context.cookies(origin)).map(({ name }) => name);
  t.strictSame(left, ['__Host-knot-device'], 'the browser stays known, nobody stays signed in');
});

t.test('a second step runs its script, and works where none runs', { skip }, async (t) => {
  const { browser, addUser, signIn } = await open(t);
  await addUser('ann');
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ javaScriptEnabled, ignoreHTTPSErrors: true });
    await setCookie(context, await signIn('ann'));
    const page = await context.newPage();
    const blocked: string[] = [];
    page.on('console', (message) => blocked.push(message.text()));
    await page.goto(`${origin}/login?reauthenticate=1`);
    await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
    if (javaScriptEnabled) {
      t.strictSame(await complaints(page), []);
      // The browser has no Caps Lock of its own here: the key event says that it is on.
      const press = (isOn: boolean) =>
        page.evaluate(
          `document.querySelector('input[type=password]').dispatchEvent(new KeyboardEvent('keydown', { modifierCapsLock: ${isOn} }))`,
        );
      await press(true);
      await page.getByRole('status').getByText('Caps Lock is on.').waitFor();
      await press(false);
      await page.getByText('Caps Lock is on.').waitFor({ state: 'detached' });
    }
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/`);
    t.strictSame(
      blocked.filter((text) => /Content Security Policy/.test(text)),
      [],
    );
    await context.close();
  }
});
