import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors, type Visitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { becomes, launch, type RunningService } from '../support/process/services.ts';
import { shows } from '../support/dashboard/shows.ts';

/** What people see of what they run: the list, the page of one service, Home. Everything live, nothing by asking again and again. */

async function begin({ person, gateway }: Visitors, who: string, name: string, folder: string, owner?: string) {
  const joanna = await person(who);
  const headers = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
  await joanna.request('PUT', `/api/v1/files/private/index.html`, { headers, body: '<h1>Mine</h1>' });
  return launch(joanna, { template: 'web', name, values: { folder }, ...(owner !== undefined && { owner }) });
}

/** What a page asks the API for, in order. */
function questionsOf(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/api/v1/')) asked.push(`${request.method()} ${pathname.slice('/api/v1'.length)}`);
  });
  return asked;
}

/** The frame asks at times of its own: its stream begins, and it hears that the person just signed in. */
const isOfThePage = (question: string): boolean => question !== 'GET /events' && question !== 'GET /me';

const without = process.platform === 'linux' ? browserSkipReason() : 'services need Linux';

t.test('services on the pages of people', { skip: without }, async (t: Test) => {
  const visitors = await openVisitors(t, { others: ['joanna', 'bob'] });
  const { gateway, open } = visitors;
  const { page, complaints } = await open('joanna');
  const { page: phone, complaints: ofPhone } = await open('joanna', { width: 390, theme: 'dark' });
  const { page: ann } = await open('ann');
  let site!: RunningService;

  await t.test('a list without anything says what would be there and leads to it', async (t) => {
    await page.goto(`${gateway.origin}/services`);
    await page.getByRole('heading', { name: 'Nothing runs yet' }).waitFor();
    await shows(t, () => page.getByRole('link', { name: 'Start something' }).getAttribute('href'), '/start');
    t.same(await violationsOn(page), []);
  });

  await t.test('what is launched appears by itself, and is opened when it answers', async (t) => {
    const asked = questionsOf(page);
    site = await begin(visitors, 'joanna', 'site', '/files/private');
    const row = page.getByRole('row', { name: /site/ });
    await row.getByText('Running').waitFor();
    await shows(t, () => row.textContent(), /site[^]*Web page[^]*You[^]*site-joanna\.localhost/);
    await shows(t, () => row.getByRole('link', { name: 'Open site' }).getAttribute('href'), site.url);
    t.strictSame(
      [...new Set(asked.filter(isOfThePage))].sort(),
      ['GET /services', 'GET /services/shared'],
      'only the list is fetched anew',
    );
    t.ok(asked.length <= 10, `${asked.length} questions`);
    t.same(await violationsOn(page), []);
  });

  await t.test('a row on a phone has two lines; many are stopped at once and started again', async (t) => {
    const other = await begin(visitors, 'joanna', 'second', '/files/private');
    await becomes(await visitors.person('joanna'), other.id, 'ready');
    await phone.goto(`${gateway.origin}/services`);
    await phone.getByRole('row', { name: /second/ }).waitFor();
    t.same(await violationsOn(phone), []);
    t.ok(await phone.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'not wider than the phone');
    await page.getByRole('checkbox', { name: /all/i }).check();
    await page.getByRole('button', { name: 'Stop 2', exact: true }).click();
    await page.getByText('2 services are being stopped.').waitFor();
    await phone
      .getByRole('row', { name: /second/ })
      .getByText('Stopped')
      .waitFor();
    await page.getByRole('button', { name: 'Start again', exact: true }).click();
    await page.getByText('2 services are being started.').waitFor();
    await phone
      .getByRole('row', { name: /second/ })
      .getByText('Running')
      .waitFor();
  });

  await t.test('an admin sees what others run when they ask for it, and may stop and not enter', async (t) => {
    await ann.goto(`${gateway.origin}/services`);
    await ann.getByRole('link', { name: "Everybody's" }).click();
    await ann.waitForURL('**/services?owner=*');
    const row = ann.getByRole('row', { name: /site/ });
    await row
      .getByText(/joanna$/)
      .first()
      .waitFor();
    t.equal(await row.getByRole('link', { name: 'Open site' }).count(), 0);
    await ann.getByRole('button', { name: 'Actions for site' }).click();
    const items = await ann.getByRole('menuitem').allTextContents();
    t.strictSame(
      items.map((item) => item.trim()),
      ['Stop', 'Remove…'],
    );
    await ann.keyboard.press('Escape');
  });

  await t.test('the page of one: a start that is watched ends in Open; each part has an address', async (t) => {
    await page.getByRole('link', { name: 'site', exact: true }).click();
    await page.waitForURL(`**/services/${site.id}/overview`);
    await page.getByRole('heading', { level: 1, name: 'site' }).waitFor();
    await page.getByRole('button', { name: 'Actions for site' }).click();
    await page.getByRole('menuitem', { name: 'Stop' }).click();
    await page.getByText('Stopped', { exact: true }).waitFor();
    t.equal(await page.getByRole('link', { name: 'Open site' }).count(), 0, 'what does not run is not opened');
    await page.getByRole('button', { name: 'Start site' }).click();
    await page.getByText(/site is ready, after \d+ s/).waitFor();
    await shows(t, () => page.getByRole('list', { name: 'Start of site' }).getByText(', done').count(), 2);
    await page.getByRole('link', { name: 'Open site' }).first().waitFor();
    t.same(await violationsOn(page), []);
    await page.getByRole('link', { name: 'Events' }).click();
    await page.waitForURL(`**/services/${site.id}/events`);
    await page.getByText('About to start by joanna').first().waitFor();
    t.same(await violationsOn(page), []);
  });

  await t.test('Home goes on with what runs, and a change of it fetches nothing else', async (t) => {
    await page.goto(gateway.origin);
    const going = page.getByRole('region', { name: 'Continue' });
    const tile = going.getByRole('article').filter({ hasText: 'site' });
    await tile.getByText('Running').waitFor();
    await shows(t, () => tile.getByRole('link', { name: 'Open site' }).getAttribute('href'), site.url);
    const start = page.getByRole('region', { name: 'Start' }).getByRole('link', { name: 'Web page' });
    await shows(t, () => start.getAttribute('href'), '/start/web');
    t.same(await violationsOn(page), []);
    await phone.goto(gateway.origin);
    await phone.getByRole('link', { name: 'Open second' }).waitFor();
    t.same(await violationsOn(phone), []);
    const asked = questionsOf(page);
    await phone.getByRole('button', { name: 'Actions for second' }).click();
    await phone.getByRole('menuitem', { name: 'Stop' }).click();
    await going.getByRole('article').filter({ hasText: 'second' }).waitFor({ state: 'detached' });
    t.strictSame([...new Set(asked.filter(isOfThePage))], ['GET /services']);
  });

  await t.test('it is shared by name and by link; who came is told; what can come back is brought back', async (t) => {
    await page.goto(`${gateway.origin}/services/${site.id}/sharing`);
    await page.getByText('owns it').waitFor();
    await page.getByRole('combobox', { name: 'Person or team' }).fill('bob');
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    const reach = page.getByRole('region', { name: 'Who can reach it' });
    await reach.getByText('bob', { exact: true }).waitFor();
    const { page: bob } = await open('bob');
    await bob.goto(`${gateway.origin}/services`);
    const received = bob.getByRole('row', { name: /site/ });
    await received.getByText('joanna').first().waitFor();
    await received.getByRole('link', { name: 'Open site' }).click();
    await bob.getByRole('heading', { name: 'Mine' }).waitFor();
    await bob.goto(`${gateway.origin}/services/${site.id}`);
    await bob.getByRole('heading', { level: 1, name: 'site' }).waitFor();
    const tabs = await bob.getByRole('navigation', { name: 'About site' }).getByRole('link').allTextContents();
    t.strictSame(
      tabs.map((tab) => tab.trim()),
      ['Overview'],
      'whom it is shared with looks into none of it',
    );
    await page.getByRole('button', { name: 'Actions for bob' }).click();
    await page.getByRole('menuitem', { name: 'End it' }).click();
    await reach.getByText('bob', { exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await reach.getByText('bob', { exact: true }).waitFor();

    await page.getByRole('combobox', { name: 'Share with' }).selectOption('guest');
    await page.getByRole('button', { name: 'Make a link' }).click();
    const link = page.getByRole('status').locator('code');
    await link.waitFor();
    t.same(await violationsOn(page), []);
    const { page: guest } = await visitors.stranger();
    await guest.goto((await link.textContent())!);
    await guest.getByRole('heading', { name: 'Mine' }).waitFor();
    t.equal(guest.url(), site.url, 'nothing of the link is left in the address');
    await eventually('the owner sees who came', async () => {
      await page.reload();
      await page.getByRole('region', { name: 'Who came' }).waitFor();
      return (await page.getByRole('region', { name: 'Who came' }).getByText('A guest').count()) > 0;
    });
    await phone.goto(`${gateway.origin}/services/${site.id}/sharing`);
    await phone.getByText('Whoever has the link').first().waitFor();
    t.same(await violationsOn(phone), []);
    t.ok(await phone.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'not wider than the phone');
    await phone.getByRole('button', { name: 'Actions for Whoever has the link' }).click();
    await phone.getByRole('menuitem', { name: 'End it' }).click();
    await phone.getByText(/The link to site is dead/).waitFor();
    await guest.reload();
    await guest.getByRole('button', { name: /Sign in/ }).waitFor();
  });

  await t.test('what runs and what can be started is found by its name', async (t) => {
    await page.keyboard.press('Control+K');
    await page.keyboard.type('site');
    await page.getByRole('option', { name: /site/ }).first().waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('web pa');
    const found = page.getByRole('option', { name: /Web page/ }).first();
    await found.waitFor();
    await shows(t, () => found.textContent(), /Web page/);
    await page.keyboard.press('Escape');
  });

  await t.test('what failed says what happened, shows it, and has the button that helps', async (t) => {
    const joanna = await visitors.person('joanna');
    const headers = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
    for (const [shown, folder] of [
      [page, 'none'],
      [phone, 'nothing'],
    ] as const) {
      const broken = await begin(visitors, 'joanna', 'broken', `/files/private/${folder}`);
      await shown.goto(`${gateway.origin}/services/${broken.id}`);
      await shown.getByText('It did not find a file or folder that it was told to use.').waitFor();
      await shown.getByLabel('What it said last').getByText(folder).first().waitFor();
      t.same(await violationsOn(shown), []);
      t.ok(await shown.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'not wider than its window');
      await joanna.api('POST', `/files/private/${folder}?op=mkdir`, {});
      await joanna.request('PUT', `/api/v1/files/private/${folder}/index.html`, { headers, body: 'x' });
      await shown.getByRole('button', { name: 'Start again broken', exact: true }).last().click();
      await shown.getByText(/broken is ready/).waitFor();
      await shown.getByRole('button', { name: 'Actions for broken' }).click();
      await shown.getByRole('menuitem', { name: 'Remove…' }).click();
      await shown.getByText(/its home folder/).waitFor();
      await shown.getByRole('textbox').fill('broken');
      await shown.getByRole('button', { name: 'Remove it' }).click();
      await shown.waitForURL('**/services');
      await shown.getByRole('row', { name: /broken/ }).waitFor({ state: 'detached' });
      await eventually(
        'nothing is left of it',
        async () => (await joanna.api('GET', `/services/${broken.id}`)).status === 404,
      );
    }
  });

  t.same([...complaints, ...ofPhone], []);
});
