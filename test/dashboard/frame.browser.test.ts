import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openScenes } from './scene.ts';
import { shows } from '../support/dashboard/shows.ts';

const bar = (page: Page) => page.getByRole('navigation', { name: 'Main, short' });

/** Whether a number lies on an icon anywhere in a navigation. */
const overlaps = (page: Page, navigation: string): Promise<boolean> =>
  page.evaluate<boolean>(`(() => {
    const nav = document.querySelector(${JSON.stringify(navigation)});
    const boxes = (selector) => [...nav.querySelectorAll(selector)].map((element) => element.getBoundingClientRect());
    return boxes('.badge').some((a) => boxes('svg').some((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
  })()`);

t.test('the frame around every page', { skip: browserSkipReason() }, async (t) => {
  const scene = await openScenes(t);

  await scene(
    'an admin has Admin as one entry, with its pages inside and the worst of them on it',
    async (t, { page, gateway, goTo }) => {
      await goTo('/');
      const rail = page.getByRole('navigation', { name: 'Main', exact: true });
      await rail.waitFor();
      t.strictSame(await rail.locator('.label').allTextContents(), ['Home', 'Files', 'Services', 'My teams', 'Admin']);
      // Three people wait and two parts warn: five in the colour of the warning, leading to what it is about.
      const badge = rail.locator('.badge');
      await shows(t, () => badge.textContent(), /5.*3 waiting for approval, 2 to look at/);
      await shows(t, () => badge.getAttribute('class'), /warning/);
      gateway.data.components[0]!.status = 'failed';
      gateway.announce('health');
      await eventually('red when something failed', async () =>
        /failed/.test((await badge.getAttribute('class')) ?? ''),
      );
      await badge.click();
      await page.waitForURL('**/admin/health');
      const inside = page.getByRole('navigation', { name: 'Admin' });
      t.match(await inside.locator('a:not(.badge)').allTextContents(), [
        'Users',
        'Teams',
        'Plans',
        'Applications',
        'Policies',
        'Audit',
        'Health',
      ]);
      await shows(t, () => inside.locator('a[aria-current=page]').textContent(), 'Health');
      await inside.getByRole('link', { name: '3 waiting for approval' }).click();
      await page.waitForURL('**/admin/users?state=pending');
      await rail.getByRole('link', { name: 'Admin', exact: true }).click();
      await page.waitForURL('**/admin/users');
      await page.setViewportSize({ width: 1024, height: 768 });
      t.notOk(await overlaps(page, 'nav[aria-label=Main]'));
      await page.getByRole('button', { name: /^ann/ }).click();
      await page.getByRole('link', { name: 'Account' }).click();
      await page.waitForURL('**/account');
    },
  );

  await scene('the foot of a phone has what the person needs most', async (t, { page, gateway }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(gateway.origin);
    await bar(page).waitFor();
    t.strictSame(await bar(page).locator('.label').allTextContents(), ['Home', 'Files', 'Users']);
    t.notOk(await overlaps(page, 'nav[aria-label="Main, short"]'));
    await bar(page).getByRole('button', { name: 'More' }).click();
    const more = page.getByRole('dialog', { name: 'Go to' });
    for (const label of ['Teams', 'Policies', 'Health', 'Account'])
      await shows(t, () => more.getByRole('link', { name: new RegExp(`^${label}`) }).isVisible(), true);
    await more.getByRole('link', { name: 'Audit' }).click();
    await page.waitForURL('**/admin/audit');
    const current = page.getByRole('navigation', { name: 'Admin' }).locator('li.current');
    await eventually('where one is stands in sight', async () => {
      const box = await current.boundingBox();
      return box !== null && box.x >= 0 && box.x + box.width <= 390;
    });
  });

  await scene(
    'and for one without rights the same foot is another',
    async (t, { page, gateway }) => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(gateway.origin);
      await bar(page).waitFor();
      t.strictSame(await bar(page).locator('.label').allTextContents(), ['Home', 'Files', 'Services']);
      t.equal(await page.locator('.badge').count(), 0);
    },
    { isAdmin: false },
  );

  await scene('a notice outlives a reload, and so does its way back', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Actions for bela' }).click();
    await page.getByRole('menuitem', { name: 'Make an admin' }).click();
    await page.locator('.toast').getByText('bela is an admin now.').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Notices, 1 new' }).click();
    const tray = page.getByRole('group', { name: 'Notices' });
    await tray.getByText('bela is an admin now.').waitFor();
    t.strictSame(await violationsOn(page), []);
    await tray.getByRole('button', { name: 'Undo', exact: true }).click();
    await tray.getByText('Undone: bela is an admin now.').waitFor();
    t.match(gateway.changes.at(-1), /PATCH .*u-1 \{"isAdmin":false,"undoes":7\}/);
    t.equal(gateway.data.users[1]!.isAdmin, false);
    await eventually(
      'what was taken back cannot be again',
      async () => (await tray.getByRole('button', { name: 'Undo', exact: true }).count()) === 0,
    );
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Notices', exact: true }).waitFor();
  });

  await scene('what fails is read out as an alert and stays in the tray', async (_t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Actions for bela' }).click();
    gateway.refuse('/users/u-1', 500, { message: 'It did not work.' });
    await page.getByRole('menuitem', { name: 'Make an admin' }).click();
    await page.getByRole('alert').getByText('It did not work.').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Notices, 1 new' }).click();
    await page.getByRole('group', { name: 'Notices' }).getByText('It did not work.').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('is told here').waitFor();
  });

  await scene(
    'notices are for one person: another sees none of them, a sign-out leaves none',
    async (t, { page, gateway }) => {
      const stored = () =>
        page.evaluate<string[]>(`Object.keys(localStorage).filter((key) => key.startsWith('knot-notices'))`);
      const promote = async () => {
        await page.goto(`${gateway.origin}/admin/users`);
        await page.getByRole('button', { name: 'Actions for bela' }).click();
        await page.getByRole('menuitem', { name: /an admin|Remove admin rights/ }).click();
        await page.locator('.toast').first().waitFor();
      };
      await promote();
      t.equal((await stored()).length, 1);
      gateway.data.me.user.id = 'u-7';
      gateway.data.me.user.username = 'hana';
      await page.goto(`${gateway.origin}/admin/teams`);
      await page.getByRole('button', { name: 'Notices', exact: true }).click();
      await page.getByText('is told here').waitFor();
      t.strictSame(await stored(), [], 'nor does it lie in the storage of the browser');
      await promote();
      t.strictSame(await stored(), ['knot-notices:u-7']);
      await page.getByRole('button', { name: /^hana/ }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL('**/login');
      t.strictSame(await stored(), []);
    },
  );

  await scene('the palette finds people, teams, rules and acts', async (_t, { page, gateway }) => {
    await page.goto(gateway.origin);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const look = async (typed: string, option: string | RegExp) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: 'Search' }).fill(typed);
      await page.getByRole('option', { name: option }).first().waitFor();
    };
    const closePalette = async () => {
      await page.keyboard.press('Escape');
      await page.getByRole('combobox', { name: 'Search' }).waitFor({ state: 'detached' });
    };
    await look('bel', /^bela/);
    await closePalette();
    await look('imaging', /Imaging and microscopy/);
    await closePalette();
    await look('own-services', /own-services-only.*cedar:\d+/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/admin\/policies\?file=default\.cedar#line-\d+/);
    await look('dark', 'Dark theme');
    await page.keyboard.press('Enter');
    await eventually('dark', () => page.evaluate<boolean>(`document.documentElement.dataset.theme === 'dark'`));
    await look('sign out', 'Sign out');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/login');
  });

  await scene('the palette that is asked for again while it closes opens', async (_t, { page, gateway }) => {
    await page.goto(gateway.origin);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Search' }).fill('typed before');
    // The keys come before the browser tells the page that the dialog is closed (HTML, "close the dialog": a task of its own).
    await page.evaluate(`document.querySelector('dialog[open]').addEventListener('beforetoggle', () => queueMicrotask(() =>
      dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }))), { once: true })`);
    await page.keyboard.press('Escape');
    await eventually('an empty palette is open', async () =>
      page.evaluate<boolean>(`document.querySelector('dialog[open] [role=combobox]')?.value === ''`),
    );
  });

  await scene('who signs out is not sent back to where they were', async (t, { page, gateway, goTo }) => {
    await goTo('/admin/teams');
    await page.getByRole('heading', { level: 1 }).waitFor();
    // The answer to signing out comes after that to a question which was asked in between.
    await page.route('**/logout', async (route) => {
      await page.request.post(`${gateway.origin}/logout`, { maxRedirects: 0 });
      const refusal = page.waitForResponse((response) => response.status() === 401);
      gateway.announce('teams');
      await refusal;
      await route.continue();
    });
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Search' }).fill('sign out');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/login*');
    t.equal(new URL(page.url()).search, '');
  });

  await scene('on a phone the palette takes the whole width and ends above its edge', async (t, { page, gateway }) => {
    await page.setViewportSize({ width: 390, height: 600 });
    await page.goto(gateway.origin);
    await page.getByRole('button', { name: /Go to/ }).click();
    await page.getByRole('option', { name: 'Home' }).waitFor();
    const box = (await page.getByRole('dialog', { name: 'Search' }).boundingBox())!;
    t.match(box, { x: 0, y: 0, width: 390 });
    t.ok(box.height <= 600);
    await page.keyboard.press('ArrowUp');
    const last = (await page.locator('[role=option][aria-selected=true]').boundingBox())!;
    t.ok(last.y + last.height <= box.y + box.height, 'the last one can be seen');
  });

  await scene(
    'home goes on with what runs, and each tile says what it is and what can be done',
    async (t, { page, gateway, goTo }) => {
      const state = (title: string) => page.locator('.tile', { hasText: title }).locator('.word');
      await goTo('/');
      const running = page.getByRole('region', { name: 'Continue' });
      await running.getByRole('link', { name: 'Open Notebooks of the institute' }).waitFor();
      await shows(t, () => running.locator('.tile').count(), 1);
      await shows(t, () => state('Notebooks of the institute').textContent(), /Running/);
      for (const [title, word] of [
        ['jupyterhub.localhost', 'Preparing'],
        ['Echo', 'Ready'],
        ['Metrics', 'Not working'],
        ['Group wiki', 'Not reachable'],
        ['Old portal', 'Not watched'],
        ['Workflows', 'Off'],
      ] as const)
        t.match(await state(title).textContent(), word);
      const lab = gateway.data.tiles.find(({ name }) => name === 'lab')!;
      lab.isStopping = true;
      gateway.announce({ topic: 'tiles', id: 'lab' });
      const stop = running.getByRole('button', { name: 'Stop Notebooks' });
      await running.getByText('Stopping', { exact: true }).waitFor();
      await shows(t, () => stop.isDisabled(), true, 'stopped from another page: this one waits with it');
      t.equal(await running.getByRole('link', { name: 'Open Notebooks' }).count(), 0);
      lab.isStopping = false;
      gateway.announce({ topic: 'tiles', id: 'lab' });
      await stop.click();
      const question = page.getByRole('dialog', { name: 'Stop Notebooks of the institute?' });
      await question.getByText('What is not saved').waitFor();
      t.strictSame(await violationsOn(page), []);
      await question.getByRole('button', { name: 'Stop it' }).click();
      await running.waitFor({ state: 'detached' });
      await shows(t, () => state('Notebooks of the institute').textContent(), /Asleep/);
    },
  );

  await scene(
    'what is pinned stands first, also after a reload, for this person only',
    async (t, { page, gateway }) => {
      const titles = () =>
        page.getByRole('region', { name: 'Tools' }).getByRole('heading', { level: 3 }).allTextContents();
      await page.goto(gateway.origin);
      await page.getByRole('button', { name: 'Actions for Old portal' }).click();
      await page.getByRole('menuitem', { name: 'Pin' }).click();
      await eventually('it moves', async () => /Old portal/.test((await titles())[0] ?? ''));
      await page.reload();
      await page.getByRole('region', { name: 'Tools' }).waitFor();
      t.match((await titles())[0], /Old portal/);
      gateway.data.me.user.id = 'u-7';
      await page.reload();
      await page.getByRole('region', { name: 'Tools' }).waitFor();
      t.notMatch((await titles())[0], /Old portal/);
    },
  );

  await scene('an answer that breaks off in its middle is as none at all', async (t, { page, gateway, goTo }) => {
    const mistakes: Error[] = [];
    page.on('pageerror', (error) => mistakes.push(error));
    await goTo('/');
    await page.getByRole('heading', { level: 1 }).waitFor();
    let cut = 0;
    await page.route('**/api/v1/me', (route) => {
      cut += 1;
      return route.fulfill({ status: 200, contentType: 'application/json', body: '{"user": {"id' });
    });
    gateway.announce({ topic: 'users', id: gateway.data.me.user.id });
    await eventually('it is asked for', () => cut > 0);
    gateway.data.me.user.username = 'annette';
    await page.unroute('**/api/v1/me');
    await page.getByRole('button', { name: /annette/ }).waitFor();
    t.strictSame(mistakes, []);
  });

  await scene('work that was left finds the person again', async (t, { page, gateway, goTo }) => {
    await page.goto(gateway.origin);
    await page.getByRole('progressbar').waitFor();
    await goTo('/account');
    await page.getByRole('button', { name: 'Notices, work going on' }).waitFor();
    gateway.data.tiles[0]!.status = { status: 'ready', message: '' };
    gateway.announce({ topic: 'tiles', id: 'jupyterhub' });
    await page.getByRole('status').getByText('Notebooks is ready.').waitFor();
    await page.getByRole('button', { name: 'Notices, 1 new' }).click();
    const link = page.getByRole('group', { name: 'Notices' }).getByRole('link', { name: 'Open Notebooks' });
    await shows(t, () => link.getAttribute('href'), 'https://jupyterhub.localhost:8443');
  });
});
