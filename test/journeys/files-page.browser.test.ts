import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { shows } from '../support/dashboard/shows.ts';

/** The Files page on a running gateway: one person at work in it, by keyboard, by mouse and on a phone. */

t.test('files are worked with in the browser', { skip: browserSkipReason() }, async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob'] });
  const bob = await person('bob');
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const root = join(gateway.data, 'files/private', user.id);
  mkdirSync(root, { recursive: true });
  const write = (path: string, text: string) => writeFileSync(join(root, path), text);
  const textAt = async (path: string): Promise<string> => {
    const { status, text } = await bob.request('GET', `/api/v1/files/private/${path}`);
    return status === 200 ? text : `(${status})`;
  };
  const holds = (path: string, text: string) =>
    eventually(`${path} holds ${text}`, async () => (await textAt(path)) === text);

  const { page, complaints } = await open('bob');
  const row = (name: string | RegExp): Locator =>
    page.getByRole('row').filter({ has: page.getByText(name, { exact: true }) });
  const link = (name: string): Locator => page.getByRole('link', { name, exact: true });
  const told = (text: string | RegExp): Promise<void> => page.getByRole('status').getByText(text).first().waitFor();
  const undo = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Undo', exact: true }).last().click();
    await told(/^Undone/);
  };
  const at = (path: string) => page.goto(`${gateway.origin}/files/${path}`);

  await t.test('a folder is made and taken back; a taken name is told at the field', async () => {
    await at('private');
    await page.getByText('Nothing here yet').waitFor();
    await page.getByRole('button', { name: 'New folder' }).click();
    await page.getByLabel('Name', { exact: true }).fill('runs');
    await page.keyboard.press('Enter');
    await link('runs').waitFor();
    await undo();
    await link('runs').waitFor({ state: 'detached' });
    mkdirSync(join(root, 'runs'));
    await page.getByRole('button', { name: 'New folder' }).click();
    for (const [name, words] of [
      ['a/b', /no slash/],
      ['x'.repeat(256), /255 bytes/],
      ['runs', /is there already/],
    ] as const) {
      await page.getByLabel('Name', { exact: true }).fill(name);
      await page.getByRole('button', { name: 'Make the folder' }).click();
      await page.getByRole('dialog').getByText(words).waitFor();
    }
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForURL(`${gateway.origin}/files/private`);
  });

  await t.test('by keyboard: rename, choose, cut, paste, copy, delete, and the way back of each', async (t) => {
    for (const name of ['a.txt', 'b.txt', 'c.txt']) write(name, name);
    await at('private');
    await link('a.txt').waitFor();
    await row('a.txt').focus();
    await page.keyboard.press('F2');
    await page.getByLabel('Name', { exact: true }).fill('renamed.txt');
    await page.keyboard.press('Enter');
    await link('renamed.txt').waitFor();
    await undo();
    await link('a.txt').waitFor();

    await row('a.txt').focus();
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('2 entries chosen').waitFor();
    await page.keyboard.press('Control+x');
    await told(/2 entries are cut/);
    await link('runs').click();
    await page.getByText('Nothing here yet').waitFor();
    await page.keyboard.press('Control+v');
    await link('b.txt').waitFor();
    t.equal(await textAt('runs/a.txt'), 'a.txt');
    t.equal(await textAt('a.txt'), '(404)');
    await undo();
    await page.keyboard.press('Backspace');
    await link('c.txt').waitFor();
    await link('b.txt').waitFor();
    t.equal(await textAt('a.txt'), 'a.txt', 'moved back');

    await row('c.txt').focus();
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Control+v');
    await link('c (2).txt').waitFor();
    await row('c (2).txt').focus();
    await page.keyboard.press('Delete');
    await told('“c (2).txt” is in the trash.');
    await link('c (2).txt').waitFor({ state: 'detached' });
    // The way back outlives the page.
    await page.reload();
    await page.getByRole('button', { name: /^Notices/ }).click();
    const notices = page.getByRole('group', { name: 'Notices' });
    await notices
      .getByRole('listitem')
      .filter({ hasText: '“c (2).txt” is in the trash.' })
      .getByRole('button', { name: 'Undo' })
      .click();
    await link('c (2).txt').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    for (const key of ['F2', 'Del', 'Backspace'])
      await shows(t, () => page.getByRole('dialog').getByText(key, { exact: true }).isVisible(), true);
    await page.keyboard.press('Escape');
  });

  await t.test('a taken name is asked about, for one or for all; what is replaced comes back', async (t) => {
    for (const name of ['a.txt', 'b.txt', 'c.txt']) write(`runs/${name}`, `old ${name}`);
    await at('private');
    await page.getByLabel('Choose a.txt', { exact: true }).check();
    await page.keyboard.press('Control+c');
    await link('runs').click();
    await page.getByRole('heading', { name: 'runs' }).waitFor();
    await page.keyboard.press('Control+v');
    await page.getByRole('dialog', { name: 'This name is taken' }).getByRole('button', { name: 'Keep both' }).click();
    await link('a (2).txt').waitFor();
    await page.goBack();
    for (const name of ['a.txt', 'b.txt', 'c.txt']) await page.getByLabel(`Choose ${name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Copy… 3' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'runs' }).click();
    await page.getByRole('button', { name: 'Copy here' }).click();
    const dialog = page.getByRole('dialog', { name: 'This name is taken' });
    await dialog.getByText('a.txt').waitFor();
    // Changed after it was seen: asked again, and not replaced unseen.
    write('runs/a.txt', 'changed meanwhile');
    await dialog.getByRole('button', { name: 'Replace' }).click();
    await dialog.getByText('Somebody changed it since you were asked.').waitFor();
    t.equal(await textAt('runs/a.txt'), 'changed meanwhile');
    await dialog.getByLabel('The same for all that are taken').check();
    await dialog.getByRole('button', { name: 'Replace' }).click();
    await told('3 entries are copied to “runs”.');
    t.same(await Promise.all(['a.txt', 'b.txt', 'c.txt'].map((name) => textAt(`runs/${name}`))), [
      'a.txt',
      'b.txt',
      'c.txt',
    ]);
    await undo();
    await holds('runs/a.txt', 'changed meanwhile');
    await holds('runs/c.txt', 'old c.txt');
  });

  await t.test('by mouse: an entry goes onto a folder, and onto one above', async (t) => {
    mkdirSync(join(root, 'runs/deep'));
    write('dragged.txt', 'dragged');
    await at('private');
    await row('dragged.txt').dragTo(row('runs'));
    await told('“dragged.txt” is moved to “runs”.');
    await at('private/runs');
    await row('dragged.txt').dragTo(
      page.getByRole('navigation', { name: 'Folders above' }).getByRole('link', { name: 'Private' }),
    );
    await told(/“dragged.txt” is moved to/);
    t.equal(await textAt('dragged.txt'), 'dragged');
  });

  await t.test('an undo that would meet a change by somebody else says so and changes nothing', async (t) => {
    await at('private');
    await page.getByRole('button', { name: 'Actions for dragged.txt' }).click();
    await page.getByRole('menuitem', { name: 'Rename…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('mine.txt');
    await page.keyboard.press('Enter');
    await link('mine.txt').waitFor();
    write('mine.txt', 'changed');
    await page.getByRole('button', { name: 'Undo', exact: true }).first().click();
    await page.getByRole('alert').getByText('Somebody has changed or removed it meanwhile.').waitFor();
    t.equal(await textAt('mine.txt'), 'changed');
  });

  await t.test('a folder is downloaded as a zip, which names what is not in it', async (t) => {
    symlinkSync('/etc/hostname', join(root, 'runs/leads-out'));
    await at('private');
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Actions for runs' }).click();
    await page.getByRole('menuitem', { name: 'Download' }).click();
    const download = await waiting;
    t.equal(download.suggestedFilename(), 'runs.zip');
    const folder = mkdtempSync(join(tmpdir(), 'knot-zip-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    await download.saveAs(join(folder, 'runs.zip'));
    const listing = execFileSync('python3', ['-m', 'zipfile', '-l', join(folder, 'runs.zip')], { encoding: 'utf8' });
    for (const name of ['runs/a (2).txt', 'runs/deep/', 'NOT IN THIS ARCHIVE.txt']) t.match(listing, name);
    await page.getByText(/“runs.zip” is downloaded .*without 1 entry: runs\/leads-out: a link/).waitFor();

    // Cancelled while it is packed; the page goes on.
    const held = Promise.withResolvers<undefined>();
    await page.route('**/files/private?op=zip', async (route) => {
      await held.promise;
      await route.abort().catch(() => undefined);
    });
    await page.getByRole('button', { name: 'Actions for runs' }).click();
    await page.getByRole('menuitem', { name: 'Download' }).click();
    await page.getByRole('progressbar', { name: 'Packing “runs”' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await told('The download is cancelled.');
    held.resolve(undefined);
    await page.unrouteAll({ behavior: 'wait' });
    await page.getByRole('progressbar').waitFor({ state: 'detached' });
  });

  await t.test('what was deleted is restored, or goes for good where the name is typed', async (t) => {
    for (const name of ['gone.txt', 'kept.txt']) write(name, name);
    await at('private');
    for (const name of ['gone.txt', 'kept.txt']) await page.getByLabel(`Choose ${name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Delete 2' }).click();
    await told('2 entries are in the trash.');
    write('kept.txt', 'another');
    await page.getByRole('link', { name: 'Trash' }).click();
    // The folder behind has an entry of that name as well.
    await page.getByRole('button', { name: 'Empty the trash…' }).waitFor();
    await page.getByRole('button', { name: 'Actions for kept.txt' }).click();
    await page.getByRole('menuitem', { name: 'Restore' }).click();
    await told(/Beside what is there now: “kept \(2\).txt”/);
    t.equal(await textAt('kept%20(2).txt'), 'kept.txt');
    await page.getByRole('button', { name: 'Actions for gone.txt' }).click();
    await page.getByRole('menuitem', { name: 'Delete for good…' }).click();
    await page.getByLabel(/Type “gone.txt”/).fill('gone.txt');
    await page.getByRole('button', { name: 'Delete for good' }).click();
    await told(/“gone.txt” is gone for good: 8 B are free again./);
    await page.getByRole('button', { name: 'Empty the trash…' }).click();
    await page.getByLabel(/Type “Private”/).fill('Private');
    await page.getByRole('button', { name: 'Empty the trash', exact: true }).click();
    await page.getByText('The trash is empty', { exact: true }).waitFor();
    // A browser notes every refusal of a question.
    const others = complaints.filter((words) => !/status of (409|412)/.test(words));
    t.same(others, []);
  });

  await t.test('a search shows where each stands; what is large is walked down into', async () => {
    write('runs/deep/needle.csv', 'x'.repeat(50_000));
    await at('private');
    await page.getByRole('searchbox').fill('NEEDLE');
    await link('needle.csv').waitFor();
    await page.getByText('Found here and in all folders below.').waitFor();
    await link('runs/deep').click();
    await page.getByRole('heading', { name: 'deep' }).waitFor();
    await at('private?list=usage');
    const map = page.getByRole('group', { name: 'What is large' });
    await map.getByRole('link', { name: /^runs/ }).press('Enter');
    await page.getByRole('heading', { name: 'runs' }).waitFor();
    await map.getByRole('link', { name: /^deep/ }).click();
    await page.getByRole('table').getByText('needle.csv').waitFor();
  });

  await t.test('every name is shown, opened and renamed, and none deceives', async (t) => {
    mkdirSync(join(root, 'odd'));
    const names = [
      'line\nbreak',
      'photo\u202egpj.exe',
      'caf\u00e9',
      'cafe\u0301',
      'a & b#1.txt',
      'p_%25_q',
      `${'x'.repeat(254)}é`.slice(1),
    ];
    for (const name of names) write(`odd/${name}`, name);
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'odd/')), Buffer.from('bad\xff', 'latin1')]), 'bad');
    symlinkSync('nowhere', join(root, 'odd/dangling'));
    await at('private/odd');
    await page.getByText(`${names.length + 2} entries`).waitFor();
    for (const words of [
      '[line break]',
      '[right-to-left override]',
      '[a byte that is no text: FF]',
      'a link: it is not followed here',
      'accents in one character',
      'accents as characters of their own',
    ]) {
      t.ok((await page.getByText(words).count()) > 0, words);
    }
    await page.getByRole('row', { name: /a byte that is no text/ }).focus();
    await page.keyboard.press('F2');
    await page.getByLabel('Name', { exact: true }).fill('good');
    await page.keyboard.press('Enter');
    await link('good').waitFor();
    await holds('odd/good', 'bad');
    await undo();
    await page.getByText('[a byte that is no text: FF]').first().waitFor();
    t.same(await violationsOn(page), []);
  });

  await t.test('on a phone everything has a menu, and every view is readable', async (t) => {
    const { page, complaints } = await open('bob', { width: 390 });
    const look = async (path: string, words: string | RegExp): Promise<void> => {
      await page.goto(`${gateway.origin}/files${path}`);
      await page.getByText(words).first().waitFor();
      t.same(await violationsOn(page), [], path);
      t.ok(await fits(page), `${path} fits`);
    };
    await look('', 'Yours alone.');
    await page.getByRole('button', { name: 'Connect' }).click();
    const ways = page.getByRole('dialog', { name: 'Your files on your own machine' });
    await ways.getByText(`knot login ${gateway.origin}`).waitFor();
    await shows(t, () => ways.getByText(`${gateway.origin}/dav/`, { exact: true }).count(), 1);
    t.same(await violationsOn(page), [], 'from another machine');
    await look('/private?list=trash', 'The trash is empty');
    await look('/private?list=usage', /entries/);
    await look('/private/odd', 'dangling');
    await look('/private', 'c.txt');
    await page.getByRole('button', { name: 'Actions for c.txt' }).click();
    await page.getByRole('menuitem', { name: 'Move…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'odd' }).click();
    await page.getByText('No folders in here.').waitFor();
    t.same(await violationsOn(page), [], 'where to');
    await page.getByRole('button', { name: 'Move here' }).click();
    await page.getByText('“c.txt” is moved to “odd”.').first().waitFor();
    await page.getByRole('button', { name: 'Actions for a.txt' }).click();
    await page.getByRole('menuitem', { name: 'Details' }).click();
    await page.getByText('/files/private/a.txt').waitFor();
    await page.keyboard.press('Escape');
    t.ok(await fits(page), 'with the exact time of the row in sight');
    t.same(complaints, []);
  });
});

/** Nothing stands out at the side. */
const fits = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth');
