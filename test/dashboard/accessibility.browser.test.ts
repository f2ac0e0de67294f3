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
  '/admin/clients',
  '/admin/policies',
  '/admin/policies?as=bela&url=https%3A%2F%2Fjupyterhub.localhost%2Fuser%2Fann%2F',
  '/admin/audit',
  '/admin/health',
  '/no-such-page',
];

const looks = [
  { width: 1440, theme: 'light', isFull: true },
  { width: 390, theme: 'dark', isFull: true },
  { width: 1024, theme: 'dark', isFull: false },
  { width: 320, theme: 'light', isFull: false },
] as const;

t.setTimeout(240_000);

t.test('every page, wide and narrow, light and dark', { skip: browserSkipReason() }, async (t) => {
  ensureDashboardBuild();
  const data = mockData(Date.now());
  data.me.user.username = 'wolfeschlegelsteinhausenberger';
  const gateway = await startMockGateway(data);
  const browser = await launchBrowser();
  t.teardown(() => Promise.all([browser.close(), gateway.close()]));

  for (const { isFull, ...look } of looks) {
    t.test(`at ${look.width} px, ${look.theme}`, async (t) => {
      const { page, complaints } = await openPage(browser, look);
      t.teardown(() => page.context().close());
      for (const path of pages) {
        data.policies = path === '/admin/policies' ? brokenPolicies(Date.now()) : mockData(Date.now()).policies;
        await page.goto(gateway.origin + path);
        await page.waitForSelector('h1');
        if (isFull) t.strictSame(await violationsOn(page), [], `${path} has no violation`);
        const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
        t.ok(scrollWidth <= look.width, `${path} does not scroll sideways (${scrollWidth} px)`);
        t.equal(await page.locator('h1').count(), 1, `${path} has one main heading`);
        t.not(await page.title(), 'Knot', `${path} has a title of its own`);
      }
      t.strictSame(complaints, [], 'nothing was blocked, thrown or logged as an error');
    });
  }
});
