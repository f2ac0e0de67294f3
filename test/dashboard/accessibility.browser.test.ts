import type { Page } from 'playwright-core';
import t from 'tap';
import {
  browserSkipReason,
  ensureDashboardBuild,
  launchBrowser,
  openPage,
  violationsOn,
} from '../support/dashboard/browser.ts';
import { startMockGateway } from '../support/dashboard/mock-api.ts';
import { mockData } from '../support/dashboard/mock-data.ts';
import { brokenPolicies } from '../support/dashboard/mock-policies.ts';
import { shows } from '../support/dashboard/shows.ts';

const pages = [
  '/',
  '/account',
  '/admin/users',
  '/admin/users?q=nobody-of-that-name',
  '/admin/users?view=invitations',
  '/admin/users?sort=-lastSignInAt&page=2',
  '/admin/users/u-3/overview',
  '/admin/users/emeka/sessions',
  '/admin/users/emeka/access',
  '/admin/users/ann/activity',
  '/admin/teams',
  '/admin/teams/genomics/members',
  '/admin/teams/genomics/settings',
  '/admin/users/emeka/storage',
  '/admin/plans',
  '/teams/genomics/members',
  '/account/tokens',
  '/workflows',
  '/images',
  '/metrics',
  '/admin/clients',
  '/admin/policies',
  '/admin/policies?as=bela&url=https%3A%2F%2Fjupyterhub.localhost%2Fuser%2Fann%2F',
  '/admin/audit',
  '/admin/health',
  '/no-such-page',
];

/**
 * What is loaded wide is made narrower, in the other theme: its layout follows without a second load. Wide, each page is loaded by its
 * address; narrow, it is come to by a link from the one before, which costs half as much.
 */
const looks = [
  { width: 1440, theme: 'light', thenWidth: 1024, thenTheme: 'dark', goTo: load },
  { width: 390, theme: 'dark', thenWidth: 320, thenTheme: 'light', goTo: follow },
] as const;

/** What pages are called that were loaded, by their addresses. */
const titles = new Map<string, string>();

async function load(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.waitForSelector('h1');
}

async function follow(page: Page, address: string): Promise<void> {
  if (page.url() === 'about:blank') return load(page, address);
  await page.evaluate(`{
    const link = document.createElement('a');
    link.href = ${JSON.stringify(address)};
    document.querySelector('h1').append(link);
    link.click();
    link.remove();
  }`);
  await page.waitForURL(address);
  // The address changes first.
  await page.waitForFunction(`document.title === ${JSON.stringify(titles.get(address))}`);
  await page.waitForSelector('h1');
}

t.test('every page, wide and narrow, light and dark', { skip: browserSkipReason() }, async (t) => {
  ensureDashboardBuild();
  const data = mockData(Date.now());
  data.me.offers = ['workflows', 'images', 'metrics'];
  data.me.user.username = 'wolfeschlegelsteinhausenberger';
  const gateway = await startMockGateway(data);
  const browser = await launchBrowser();
  t.teardown(() => Promise.all([browser.close(), gateway.close()]));

  await t.test('axe finds what it is asked for', async (t) => {
    const { page } = await openPage(browser, looks[0]);
    t.teardown(() => page.context().close());
    const picture = '<img src="data:,"><p style="color: #999; background: #aaa">pale</p>';
    for (const rest of ['', '<iframe srcdoc="<p>framed</p>" title="a frame"></iframe>']) {
      await page.setContent(
        `<!doctype html><html lang="en"><title>a page</title><main><h1>x</h1>${picture}${rest}</main>`,
      );
      const found = (await violationsOn(page)).map((violation) => violation.split(':')[0]);
      t.strictSame(found.sort(), ['color-contrast', 'image-alt']);
      t.strictSame(await violationsOn(page, { tags: ['wcag2aa'] }), [
        'color-contrast: <p style="color: #999; background: #aaa">pale</p>',
      ]);
    }
  });

  for (const { thenWidth, thenTheme, goTo, ...look } of looks) {
    t.test(`at ${look.width} px, ${look.theme}, and ${thenWidth} px, ${thenTheme}`, async (t) => {
      const { page, complaints } = await openPage(browser, look);
      t.teardown(() => page.context().close());
      const { height } = page.viewportSize()!;
      for (const path of pages) {
        data.policies = path === '/admin/policies' ? brokenPolicies(Date.now()) : mockData(Date.now()).policies;
        await page.setViewportSize({ width: look.width, height });
        await page.emulateMedia({ colorScheme: look.theme });
        await goTo(page, gateway.origin + path);
        t.strictSame(await violationsOn(page), [], `${path} has no violation`);
        for (const width of [look.width, thenWidth]) {
          await page.setViewportSize({ width, height });
          await page.emulateMedia({ colorScheme: width === look.width ? look.theme : thenTheme });
          const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
          t.ok(scrollWidth <= width, `${path} does not scroll sideways at ${width} px (${scrollWidth} px)`);
          await shows(t, () => page.locator('h1').count(), 1, `${path} has one main heading`);
          t.not(await page.title(), 'Knot', `${path} has a title of its own`);
        }
        titles.set(gateway.origin + path, await page.title());
      }
      t.strictSame(complaints, [], 'nothing was blocked, thrown or logged as an error');
    });
  }
});
