import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { shows } from '../support/dashboard/shows.ts';

/** Files that are shared: with a person, and with whoever has a link; on a running gateway, in several browsers. */

/** Where to keep pictures of what was looked at; nowhere by default. */
const shots = process.env['KNOT_TEST_SHOTS'];
const shoot = async (page: Page, name: string): Promise<void> => {
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
};

t.test(
  'journey 5: shared with a person and by links, seen, told and ended',
  { skip: browserSkipReason() },
  async (t) => {
    const { gateway, open, stranger, person } = await openVisitors(t, { others: ['bob', 'mia'] });
    const bob = await person('bob');
    const own = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
    const put = (path: string, body: string) =>
      bob.request('PUT', `/api/v1/files/private/${path}`, { headers: own, body });
    for (const path of ['results', 'results/run%207', 'inbox'])
      t.equal((await bob.api('POST', `/files/private/${path}?op=mkdir`, {})).status, 201);
    await put('results/a%20%26%20b.txt', 'hello');
    await put('results/run%207/c.csv', '1,2');
    await put('private.txt', 'nobody else');
    let url = '';

    await t.test('bob shares a folder with mia, and makes a link', async (t) => {
      const { page, complaints } = await open('bob');
      await page.goto(`${gateway.origin}/files/private`);
      await page.getByRole('button', { name: 'Actions for results' }).click();
      await page.getByRole('menuitem', { name: 'Share…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Share “results”' });
      await dialog.getByText('It is shared with nobody').waitFor();
      await dialog.getByLabel('Person or team').fill('nobodyhere');
      await dialog.getByRole('button', { name: 'Share', exact: true }).click();
      await dialog.getByText('There is no person or team of this name.').waitFor();
      await dialog.getByLabel('Person or team').fill('mia');
      await dialog.getByRole('button', { name: 'Share', exact: true }).click();
      await dialog.getByText('may look and download').waitFor();
      t.same(await violationsOn(page), []);
      await dialog.getByLabel('Share with').selectOption({ label: 'Whoever has a link (no account needed)' });
      await dialog.getByRole('button', { name: 'Make a link' }).click();
      url = await dialog.locator('code').innerText();
      t.match(url, /\/s\/[\w-]{43}$/);
      await dialog.getByText('Whoever has the link', { exact: true }).waitFor();
      await dialog.getByLabel('Change the end: Whoever has the link').selectOption({ label: '30 days from now' });
      await page.getByText('ends in 30 days').first().waitFor();
      const { given } = (await bob.api('GET', '/shares')).json<{ given: { with: string; expiresAt: number }[] }>();
      const days = (given.find((share) => share.with === 'guest')!.expiresAt - Date.now()) / 86_400_000;
      t.ok(days > 29.9 && days < 30, `${days} days`);
      await shoot(page, 'share-dialog-1440');
      t.same(await violationsOn(page), []);
      await dialog.getByRole('button', { name: 'Done' }).click();
      await page.getByText('Shared', { exact: true }).first().waitFor({ state: 'attached' });
      t.same(
        complaints.filter((text) => !text.includes('400')),
        [],
      );
      await page.context().close();
    });

    await t.test('mia finds it, enters it as its root, and on a phone', async (t) => {
      for (const width of [1440, 390]) {
        const { page, complaints } = await open('mia', { width });
        await page.goto(`${gateway.origin}/files/shared-with-me`);
        await page.getByText('may look and download').first().waitFor();
        await shoot(page, `shared-with-me-${width}`);
        t.same(await violationsOn(page), []);
        await page.getByRole('link', { name: 'results' }).click();
        await page.getByRole('link', { name: 'run 7' }).click();
        await page.getByRole('link', { name: 'c.csv' }).waitFor();
        const above = page.getByRole('navigation', { name: 'Folders above' });
        await shows(t, () => above.innerText(), /results/);
        t.equal(await above.getByRole('link', { name: 'bob' }).count(), 0, 'nothing above what is shared is offered');
        await shoot(page, `shared-folder-${width}`);
        t.same(complaints, []);
        await page.context().close();
      }
    });

    await t.test('a guest opens the link in a browser of their own', async (t) => {
      const { page, complaints } = await stranger({ width: 390, theme: 'dark' });
      await page.goto(url);
      t.notMatch(page.url(), url.slice(-43));
      await page.getByRole('heading', { name: 'results' }).waitFor();
      await shoot(page, 'guest-390-dark');
      t.same(await violationsOn(page), []);
      await page.getByRole('link', { name: 'run 7', exact: true }).click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download c.csv' }).click(),
      ]);
      t.equal(download.suggestedFilename(), 'c.csv');
      await page.goto(`${gateway.origin}/files`);
      t.match(page.url(), /\/login/, 'and is nobody elsewhere');
      t.same(complaints, []);
      const { page: wide } = await stranger({ width: 1440 });
      await wide.goto(url);
      await wide.getByRole('heading', { name: 'results' }).waitFor();
      await shoot(wide, 'guest-1440');
      t.same(await violationsOn(wide), []);
    });

    await t.test('a guest hands files in, with and without scripts', async (t) => {
      const made = await bob.api('POST', '/shares', {
        area: 'private',
        path: 'inbox',
        with: 'guest',
        right: 'upload',
        days: 1,
      });
      const { url: inbox } = made.json<{ url: string }>();
      const { page, complaints } = await stranger({ width: 390 });
      await page.goto(inbox);
      await page.getByLabel('Files to send').setInputFiles([
        { name: 'one.txt', mimeType: 'text/plain', buffer: Buffer.from('1') },
        { name: '<b>two.txt', mimeType: 'text/plain', buffer: Buffer.from('2') },
      ]);
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await page.getByText('2 of 2 files received.').waitFor();
      await shoot(page, 'guest-upload-390');
      t.same(await violationsOn(page), []);
      t.same(complaints, []);
      const context = await page.context().browser()!.newContext({ javaScriptEnabled: false });
      const plain = await context.newPage();
      await plain.goto(inbox);
      await plain
        .getByLabel('Files to send')
        .setInputFiles({ name: 'one.txt', mimeType: 'text/plain', buffer: Buffer.from('again') });
      await plain.getByRole('button', { name: 'Send', exact: true }).click();
      await plain.getByText('One file was received.').waitFor();
      await shoot(plain, 'guest-upload-plain-1280');
      await context.close();
      const { entries } = (await bob.api('GET', '/files/private/inbox')).json<{ entries: { name: string }[] }>();
      t.same(entries.map(({ name }) => name).sort(), ['<b>two.txt', 'one (2).txt', 'one.txt']);
    });

    await t.test('mia hands a file in where she may list nothing', async (t) => {
      await bob.api('POST', '/shares', { area: 'private', path: 'inbox', with: 'user:mia', right: 'upload' });
      const { page, complaints } = await open('mia', { width: 390 });
      await page.goto(`${gateway.origin}/files/shared-with-me`);
      await page.getByRole('link', { name: 'inbox' }).click();
      await page.getByRole('heading', { name: 'Hand files in' }).waitFor();
      await shoot(page, 'hand-in-390');
      t.same(await violationsOn(page), []);
      await page.locator('input[type=file]:not([webkitdirectory])').setInputFiles({
        name: 'mine.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('by mia'),
      });
      await eventually('it is there', async () =>
        (await bob.api('GET', '/files/private/inbox')).text.includes('mine.txt'),
      );
      t.same(complaints, []);
    });

    await t.test('bob sees who came, ends both, and takes back what can come back', async (t) => {
      const { page, complaints } = await open('bob', { width: 390 });
      await page.goto(`${gateway.origin}/files/shared-by-me`);
      await page.getByText('guest,').first().waitFor();
      await shoot(page, 'shared-by-me-390');
      t.same(await violationsOn(page), []);
      const { page: miaPage } = await open('mia');
      await miaPage.goto(`${gateway.origin}/files/shared-with-me`);
      await miaPage.getByRole('link', { name: 'results' }).waitFor();
      await page.getByRole('button', { name: 'Actions for results, with mia' }).click();
      await page.getByRole('menuitem', { name: 'End' }).click();
      await miaPage.getByRole('link', { name: 'results' }).waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Undo' }).click();
      await miaPage.getByRole('link', { name: 'results' }).waitFor();
      await page.getByRole('button', { name: 'Actions for results, with Whoever has the link' }).click();
      await page.getByRole('menuitem', { name: 'End' }).click();
      await page.getByText('It cannot be brought back').first().waitFor();
      const { page: guest } = await stranger({ width: 390 });
      await guest.goto(url);
      await guest.getByRole('heading', { name: 'This is not shared any more' }).waitFor();
      await guest.getByText('Whoever shared it has ended it.').waitFor();
      await shoot(guest, 'guest-ended-390');
      t.same(await violationsOn(guest), []);
      t.same(complaints, []);
    });
  },
);
