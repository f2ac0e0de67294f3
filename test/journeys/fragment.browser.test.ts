import t from 'tap';
import { browserSkipReason, launchBrowser } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startEcho } from '../support/net/echo.ts';
import { openPeople, password } from '../support/process/people.ts';
import { shows } from '../support/dashboard/shows.ts';

const skip = browserSkipReason();
const fragment = '#/namespaces/x?y=1&z=%2F';

t.test(
  'what stands behind # in an address survives signing in, and a forced sign-out says why',
  { skip },
  async (t) => {
    const echo = await startEcho();
    t.teardown(() => echo.close());
    const { gateway, ann } = await openPeople(t, {
      others: ['bob'],
      config: {
        apps: [{ name: 'echo', upstream: echo.address, title: 'Echo' }],
        login: { attemptsPerAccount: 3 },
      },
    });
    const browser = await launchBrowser();
    t.teardown(() => browser.close());
    const echoOrigin = `https://echo.localhost:${gateway.port}`;

    async function submit(page: Awaited<ReturnType<typeof open>>, username: string, secret: string): Promise<void> {
      await page.getByLabel('Username').fill(username);
      await page.getByLabel('Password').fill(secret);
      await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Sign in' }).click()]);
    }
    async function open(javaScriptEnabled: boolean) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled });
      return context.newPage();
    }

    for (const javaScriptEnabled of [true, false]) {
      const page = await open(javaScriptEnabled);
      const deep = `${echoOrigin}/hash?a=1${fragment}`;
      await page.goto(deep);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await submit(page, 'ann', 'wrong');
      await page.getByText('is wrong').waitFor();
      await submit(page, 'ann', password);
      t.equal(page.url(), deep, 'after a wrong password');

      // The main host knows the person, another host session is made without a page.
      await page.context().clearCookies({ domain: 'echo.localhost' });
      await page.goto('about:blank');
      await page.goto(deep);
      t.equal(page.url(), deep, 'without a page');

      await page.goto(`${gateway.origin}/login/account?next=${encodeURIComponent(`${echoOrigin}/deep`)}`);
      await page.getByRole('link', { name: 'Use another account' }).click();
      await submit(page, 'bob', password);
      t.equal(page.url(), `${echoOrigin}/deep`);
      await shows(t, () => page.textContent('body'), /"x-knot-user":"bob"/);
      await page.context().close();
    }

    const waiting = await open(false);
    await waiting.goto(`${echoOrigin}/hash${fragment}`);
    const blocked = waiting.getByRole('heading', { name: 'Too many attempts' });
    for (let attempt = 0; attempt < 10 && (await blocked.count()) === 0; attempt += 1) {
      await submit(waiting, 'carol', 'wrong');
    }
    await blocked.waitFor();
    await Promise.all([waiting.waitForNavigation(), waiting.getByRole('button', { name: 'Back to sign in' }).click()]);
    await submit(waiting, 'ann', password);
    t.equal(waiting.url(), `${echoOrigin}/hash${fragment}`, 'after having to wait');

    const newcomer = await open(false);
    await newcomer.goto(`${echoOrigin}/hash?a=1${fragment}`);
    const press = (name: string) =>
      Promise.all([newcomer.waitForNavigation(), newcomer.getByRole('button', { name, exact: true }).click()]);
    await press('Create an account');
    await newcomer.getByRole('heading', { name: 'Create an account' }).waitFor();
    await press('Sign in');
    await press('Create an account');
    await newcomer.getByLabel('Username').fill('dora');
    await newcomer.getByLabel('E-mail').fill('dora@example.org');
    await newcomer.getByLabel('Password').fill(password);
    await press('Create account');
    await newcomer.getByRole('heading', { name: 'Waiting for approval' }).waitFor();
    await press('Back to sign in');
    await submit(newcomer, 'ann', password);
    t.equal(newcomer.url(), `${echoOrigin}/hash?a=1${fragment}`, 'by way of a new account');

    const dashboard = await open(true);
    await dashboard.goto(`${gateway.origin}/account#sessions`);
    const hears = dashboard.waitForResponse((response) => new URL(response.url()).pathname === '/api/v1/events');
    await submit(dashboard, 'ann', password);
    t.equal(dashboard.url(), `${gateway.origin}/account#sessions`, 'on the main host');

    await dashboard.getByRole('heading', { level: 1 }).waitFor();
    await dashboard.evaluate(`new MutationObserver(() => {
    if (document.body.innerText.includes('Reconnecting')) sessionStorage.setItem('sawReconnecting', '1');
  }).observe(document.body, { subtree: true, childList: true, characterData: true })`);
    // What ends before the page hears of changes is told to nobody.
    t.equal((await hears).status(), 200);
    // Why is told to who asks first: of all that is refused now, one thing leads there, however long the way is.
    let asked = 0;
    await dashboard.route(
      ({ pathname }) => pathname === '/login',
      async (route) => {
        asked += 1;
        await route.fulfill({ response: await route.fetch() }).catch(() => undefined);
      },
    );
    t.equal((await ann.api('DELETE', '/account/sessions')).status, 200);
    await dashboard.getByText('You were signed out from another device of yours').waitFor();
    t.equal(dashboard.url(), `${gateway.origin}/login?next=${encodeURIComponent('/account#sessions')}`);
    t.equal(await dashboard.evaluate(`sessionStorage.getItem('sawReconnecting')`), null, 'nothing was waited for');
    t.equal(asked, 1);
    await dashboard.unrouteAll();
    await submit(dashboard, 'ann', password);
    t.equal(dashboard.url(), `${gateway.origin}/account#sessions`, 'and back');

    // Whoever is asked whether to stay, and stays, is asked again by the next thing that only somebody signed in may do.
    const heading = dashboard.getByRole('heading', { level: 1 });
    await heading.click();
    await dashboard.evaluate(`addEventListener('beforeunload', (event) => event.preventDefault())`);
    let questions = 0;
    let isWilling = false;
    dashboard.on('dialog', (dialog) => {
      questions += 1;
      void (isWilling ? dialog.accept() : dialog.dismiss());
    });
    t.equal((await ann.api('DELETE', '/account/sessions')).status, 200);
    await eventually('the question', () => questions > 0);
    t.equal(dashboard.url(), `${gateway.origin}/account#sessions`);
    isWilling = true;
    // Whatever is asked meanwhile may lead there first.
    await dashboard.evaluate(`document.querySelector('a.brand').click()`).catch(() => undefined);
    await dashboard.getByText('You were signed out from another device of yours').waitFor();
  },
);
