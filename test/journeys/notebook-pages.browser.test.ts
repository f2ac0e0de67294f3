import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, launchBrowser, violationsOn } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { testCache } from '../support/process/test-cache.ts';
import { shows } from '../support/dashboard/shows.ts';

/** What the hub has to say on its way to JupyterLab and back: pages in Knot's look, a way home from each, one sign-out. */

const skip = browserSkipReason();
const password = 'correct-horse-staple-7';

t.test('from the hub to JupyterLab, home and out', { skip }, async (t) => {
  const gateway = await startGateway({
    config: {
      integrations: { jupyterhub: { mode: 'managed', pythonEnvironment: join(testCache, 'jupyterhub-venv') } },
    },
  });
  t.teardown(() => gateway.stop());
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const hub = `https://jupyterhub.localhost:${gateway.port}`;
  for (const [name, flags] of [
    ['ann', ['--admin']],
    ['bob', []],
  ] as const) {
    const words = ['user', 'add', name, '--email', `${name}@example.org`, ...flags, '--password-file', '-'];
    t.equal((await gateway.knot(words, password)).status, 0);
  }
  await gateway.line(/Notebooks is ready/, 300_000);

  for (const { who, width, colorScheme } of [
    { who: 'ann', width: 1440, colorScheme: 'light' },
    { who: 'bob', width: 390, colorScheme: 'dark' },
  ] as const) {
    await t.test(`${who}, ${width} px, ${colorScheme}`, async (t) => {
      const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        viewport: { width, height: 900 },
        colorScheme,
      });
      t.teardown(() => context.close());
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      const check = async (what: string): Promise<void> => {
        t.strictSame(await violationsOn(page), [], `${what} is accessible`);
        const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
        t.equal(await page.evaluate(overflow), 0, `${what} does not scroll sideways`);
        t.equal(await homeOf(page), `${gateway.origin}/`, `${what} has a way home`);
      };

      await page.goto(`${gateway.origin}/login`);
      await page.fill('[name=username]', who);
      await page.fill('[name=password]', password);
      await page.click('button[type=submit]');
      await page.waitForURL(`${gateway.origin}/`);

      await page.goto(`${hub}/hub/nothing`);
      await shows(t, () => page.textContent('h1'), 'There is nothing here');
      await check('a page that is not there');
      await page.goto(`${hub}/hub/home`);
      await shows(t, () => page.getByRole('link', { name: /token|servers/i }).count(), who === 'ann' ? 1 : 0);
      await check('the home of the hub');
      if (who === 'bob') {
        t.equal((await page.goto(`${hub}/hub/admin`))?.status(), 403);
        const id = await page.textContent('dd');
        t.match(id, /^[0-9a-f]{12}$/);
        t.match(await gateway.line(new RegExp(`Request ${id}`)), /"level":"warn"/, 'the id is in the log');
        await check('a refusal');
      }
      await page.goto(`${hub}/user/${who}/lab`);
      await shows(t, () => page.textContent('h1'), 'Your notebook server is not running');
      await check('a server that is not running');
      await page.click('#start');
      await page.waitForSelector('h1:has-text("Your notebook server is starting")');
      await page.waitForSelector('.progress p:has-text("Loading JupyterLab")');
      t.equal(await page.locator('#again').isVisible(), false);
      await check('a server that starts');

      await page.waitForSelector('#knot-home');
      await shows(t, () => page.getAttribute('#knot-home', 'href'), `${gateway.origin}/`);
      await shows(t, () => page.locator('#knot-home').isVisible(), true, 'the mark in the top bar of JupyterLab');

      await page.goto(`${hub}/hub/home`);
      await page.click('#stop');
      await page.waitForSelector('h1 + p:has-text("It is not running")');
      t.strictSame(errors, []);

      await page.getByRole('link', { name: 'Sign out' }).click();
      await page.waitForURL(`${gateway.origin}/logout`);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL(/note=signed-out/);
      await eventually('the hub is closed as well', async () => {
        await page.goto(`${hub}/hub/home`);
        return page.url().startsWith(`${gateway.origin}/login`);
      });
    });
  }
});

function homeOf(page: Page): Promise<string | null> {
  return page.locator('a.brand').getAttribute('href');
}
