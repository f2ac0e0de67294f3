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
import { eventually } from '../support/eventually.ts';

type Opening = {
  name: string;
  only?: 'phone' | 'desktop';
  /** Escape does not take it away, or it changed something: the page is loaded anew for what comes after it. */
  stays?: true;
  open(page: Page): Promise<unknown>;
};

/** What opens over a page: where, how, and what is then there. A page is loaded once for all that opens over it. */
const openings: { path: string; over: Opening[] }[] = [
  {
    path: '/admin/users',
    over: [
      { name: 'menu of a person', open: (page) => menu(page, 'Actions for bela') },
      { name: 'menu of one who waits', open: (page) => menu(page, 'Actions for dmitri') },
      { name: 'invitation', open: (page) => press(page, 'Invite') },
      { name: 'deletion', open: (page) => choose(page, 'Actions for bela', 'Delete…') },
      { name: 'reset link', stays: true, open: (page) => choose(page, 'Actions for bela', 'Make a reset link') },
    ],
  },
  {
    path: '/admin/users?q=wolfe',
    over: [{ name: 'menu of oneself', open: (page) => menu(page, 'Actions for wolfe') }],
  },
  {
    path: '/admin/teams',
    over: [
      { name: 'menu of a team', open: (page) => menu(page, 'Actions for Genomics group') },
      { name: 'new team', open: (page) => press(page, 'New team') },
    ],
  },
  {
    path: '/admin/teams/genomics/members',
    over: [
      { name: 'menu of a member', open: (page) => menu(page, / in Genomics group/) },
      { name: 'adding a member', open: (page) => press(page, 'Add a member') },
    ],
  },
  {
    path: '/admin/users/bela/overview',
    over: [{ name: 'menu of a person on their page', open: (page) => menu(page, 'Actions for bela') }],
  },
  {
    path: '/',
    over: [
      { name: 'palette', open: (page) => page.keyboard.press('Control+k') },
      { name: 'palette with results', open: (page) => palette(page, 'a') },
      { name: 'palette without results', open: (page) => palette(page, 'zzz') },
      { name: 'shortcuts', open: (page) => page.keyboard.press('?') },
      { name: 'menu of a tile', open: (page) => menu(page, 'Actions for Echo') },
      { name: 'tray of notices', open: (page) => menu(page, /^Notices/) },
      { name: 'panel of the person', open: (page) => page.locator('button.chip').click() },
      { name: 'more', only: 'phone', open: (page) => press(page, 'More') },
    ],
  },
  {
    path: '/admin/users',
    over: [{ name: 'notice with an offer', stays: true, open: (page) => choose(page, 'Actions for bela', 'Disable') }],
  },
  { path: '/admin/users?q=e', over: [{ name: 'many to be disabled', stays: true, open: (page) => disableMany(page) }] },
];

const overPage = '[role=menu], dialog[open], .toast, .panel:popover-open';

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

/** As often as something is open: a palette forgets what was looked for first. */
const close = (page: Page, name: string): Promise<unknown> =>
  eventually(`${name} closes`, async () => {
    if ((await page.locator(overPage).count()) === 0) return true;
    await page.keyboard.press('Escape');
    return false;
  });

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
      for (const { path, over } of openings) {
        let isLoaded = false;
        for (const { name, only, stays, open } of over) {
          if (only === 'phone' && width > 500) continue;
          await page.emulateMedia({ colorScheme: themes[0] });
          if (!isLoaded) {
            await page.goto(gateway.origin + path);
            await page.waitForSelector('h1');
          }
          await open(page);
          await page.locator(overPage).first().waitFor();
          const inks = new Set<string>();
          for (const theme of themes) {
            await page.emulateMedia({ colorScheme: theme });
            inks.add(await page.evaluate<string>('getComputedStyle(document.body).color'));
            t.strictSame(await violationsOn(page), [], `${name}, ${theme}: no violation`);
          }
          t.equal(inks.size, themes.length, `${name} follows the theme`);
          const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
          t.ok(scrollWidth <= width, `${name} does not scroll sideways (${scrollWidth} px)`);
          isLoaded = stays !== true;
          if (isLoaded) await close(page, name);
        }
      }
      t.strictSame(complaints, [], 'nothing was blocked, thrown or logged as an error');
    });
  }
});
