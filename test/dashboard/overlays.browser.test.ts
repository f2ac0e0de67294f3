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

t.setTimeout(480_000);

/** What opens over a page: where, how, and what is then there. */
const openings: { name: string; path: string; only?: 'phone' | 'desktop'; open(page: Page): Promise<unknown> }[] = [
  { name: 'menu of a person', path: '/admin/users', open: (page) => menu(page, 'Actions for bela') },
  { name: 'menu of one who waits', path: '/admin/users', open: (page) => menu(page, 'Actions for dmitri') },
  { name: 'menu of oneself', path: '/admin/users?q=wolfe', open: (page) => menu(page, 'Actions for wolfe') },
  { name: 'menu of a team', path: '/admin/teams', open: (page) => menu(page, 'Actions for Genomics group') },
  { name: 'menu of a member', path: '/admin/teams/genomics/members', open: (page) => menu(page, / in Genomics group/) },
  {
    name: 'menu of a person on their page',
    path: '/admin/users/bela/overview',
    open: (page) => menu(page, 'Actions for bela'),
  },
  { name: 'palette', path: '/', open: (page) => page.keyboard.press('Control+k') },
  { name: 'palette with results', path: '/', open: (page) => palette(page, 'a') },
  { name: 'palette without results', path: '/', open: (page) => palette(page, 'zzz') },
  { name: 'shortcuts', path: '/', open: (page) => page.keyboard.press('?') },
  { name: 'invitation', path: '/admin/users', open: (page) => press(page, 'Invite') },
  { name: 'new team', path: '/admin/teams', open: (page) => press(page, 'New team') },
  { name: 'adding a member', path: '/admin/teams/genomics/members', open: (page) => press(page, 'Add a member') },
  { name: 'deletion', path: '/admin/users', open: (page) => choose(page, 'Actions for bela', 'Delete…') },
  { name: 'reset link', path: '/admin/users', open: (page) => choose(page, 'Actions for bela', 'Make a reset link') },
  { name: 'notice with an offer', path: '/admin/users', open: (page) => choose(page, 'Actions for bela', 'Disable') },
  { name: 'menu of a tile', path: '/', open: (page) => menu(page, 'Actions for Echo') },
  { name: 'tray of notices', path: '/', open: (page) => menu(page, /^Notices/) },
  { name: 'panel of the person', path: '/', open: (page) => page.locator('button.chip').click() },
  { name: 'many to be disabled', path: '/admin/users?q=e', open: (page) => disableMany(page) },
  { name: 'more', path: '/', only: 'phone', open: (page) => press(page, 'More') },
];

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
const menu = (page: Page, name: string | RegExp): Promise<void> => page.getByRole('button', { name }).first().click();
const choose = async (page: Page, name: string, item: string): Promise<void> => {
  await menu(page, name);
  await page.getByRole('menuitem', { name: item }).click();
};
const disableMany = async (page: Page): Promise<void> => {
  await page.getByLabel('Choose all on this page').check();
  await page.getByRole('button', { name: /^Disable/ }).click();
};
const palette = async (page: Page, text: string): Promise<void> => {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill(text);
};

t.test('everything that opens over a page', { skip: browserSkipReason() }, async (t) => {
  ensureDashboardBuild();
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  for (const { width, themes } of [
    { width: 1440, themes: ['light', 'dark'] },
    { width: 390, themes: ['dark'] },
  ] as const) {
    t.test(`at ${width} px, ${themes.join(' and ')}`, async (t) => {
      const data = mockData(Date.now());
      data.users[0]!.username = 'wolfeschlegelsteinhausenberger';
      const gateway = await startMockGateway(data);
      const { page, complaints } = await openPage(browser, { width, theme: themes[0] });
      t.teardown(() => Promise.all([page.context().close(), gateway.close()]));
      for (const { name, path, only, open } of openings) {
        if (only === 'phone' && width > 500) continue;
        await page.emulateMedia({ colorScheme: themes[0] });
        await page.goto(gateway.origin + path);
        await page.waitForSelector('h1');
        await open(page);
        await page.locator('[role=menu], dialog[open], .toast, .panel:popover-open').first().waitFor();
        const inks = new Set<string>();
        for (const theme of themes) {
          await page.emulateMedia({ colorScheme: theme });
          inks.add(await page.evaluate<string>('getComputedStyle(document.body).color'));
          t.strictSame(await violationsOn(page), [], `${name}, ${theme}: no violation`);
        }
        t.equal(inks.size, themes.length, `${name} follows the theme`);
        const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
        t.ok(scrollWidth <= width, `${name} does not scroll sideways (${scrollWidth} px)`);
      }
      t.strictSame(complaints, [], 'nothing was blocked, thrown or logged as an error');
    });
  }
});
