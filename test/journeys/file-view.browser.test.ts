import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { notebookOf, pdfWith, pngOf, wavOf } from '../support/dashboard/sample-files.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { shows } from '../support/dashboard/shows.ts';

/** Files are looked at and changed in the browser, on a running gateway. */

t.test('files are looked at and changed in the browser', { skip: browserSkipReason() }, async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob'] });
  const bob = await person('bob');
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const root = join(gateway.data, 'files/private', user.id, 'run');
  mkdirSync(root, { recursive: true });
  // As a notebook does.
  const put = (name: string, content: string | Buffer) => writeFileSync(join(root, name), content);
  const read = (name: string) => readFileSync(join(root, name), 'latin1');
  const rows = Array.from({ length: 400 }, (_, index) => `row ${index},${index}`).join('\n');
  put('a.csv', `name,value\n"A, first","two\nlines"\n${rows}`);
  put('b.png', pngOf(300));
  put(
    'c.svg',
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle class="theirs" cx="4" cy="4" r="4"/></svg>',
  );
  put('d.pdf', pdfWith('Hello from a document'));
  put('e.md', '# Title\n\nSee [the picture](b.png) ![far](https://example.org/x.png) ![near](b.png)\n\n- [x] done\n');
  put(
    'f.ipynb',
    notebookOf([
      { cell_type: 'markdown', source: ['## Analysis'] },
      {
        cell_type: 'code',
        source: 'x',
        outputs: [{ output_type: 'execute_result', data: { 'text/html': '<i>in</i>' } }],
      },
    ]),
  );
  put('g.wav', wavOf());
  put('h.bin', Buffer.from([0, 1, 2, 3]));
  put('i.log', 'line of a log\n'.repeat(200_000));
  put('j.txt', Buffer.from('Stra\xdfe', 'latin1'));
  put('k.csv', 'a,b\n' + '1,2\n'.repeat(200_000));
  truncateSync(join(root, 'k.csv'), 2 ** 30);
  symlinkSync('/etc/passwd', join(root, 'l-link'));
  put('m.txt', 'one\r\ntwo');
  const folder = `${gateway.origin}/files/private/run`;

  await t.test('every kind in its way, one after the other', async (t) => {
    const { page, complaints } = await open('bob');
    const opens = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
    const next = async (name: string) => {
      await page.keyboard.press('ArrowRight');
      await opens(name);
    };
    const isTrue = (expression: string) => eventually(expression, () => page.evaluate(expression));
    await page.goto(folder);
    await page.getByRole('link', { name: 'a.csv' }).click();
    await opens('a.csv');
    await page.getByRole('cell', { name: 'A, first' }).waitFor();
    await shows(
      t,
      () => page.getByRole('cell', { name: 'two lines' }).count(),
      1,
      'a line break in quotes is part of a cell',
    );
    await shows(t, () => page.getByRole('row').count(), 201, 'the first rows');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByRole('cell', { name: 'row 300', exact: true }).waitFor();
    await next('b.png');
    await isTrue(`document.querySelector('#main img')?.naturalWidth === 300`);
    await next('c.svg');
    await isTrue(`document.querySelector('#main img')?.naturalWidth > 0`);
    t.equal(await page.locator('#main .theirs').count(), 0, 'SVG is no part of the page');
    await next('d.pdf');
    await page.getByText('Hello from a document').waitFor();
    await next('e.md');
    await page.getByRole('heading', { name: 'Title' }).waitFor();
    t.same(
      await page.evaluate(
        `[...document.querySelectorAll('#main article img')].map((image) => image.getAttribute('src'))`,
      ),
      ['/api/v1/files/private/run/b.png'],
      'pictures of other sites are not loaded',
    );
    t.same(await violationsOn(page), []);
    await next('f.ipynb');
    await page.getByRole('heading', { name: 'Analysis' }).waitFor();
    await shows(t, () => page.locator('iframe').getAttribute('sandbox'), '');
    await next('g.wav');
    await isTrue(`document.querySelector('audio')?.duration === 1`);
    await page.getByRole('link', { name: /^Next/ }).click();
    await opens('h.bin');
    await page.getByRole('heading', { name: 'BIN file, 4 B' }).waitFor();
    await next('i.log');
    await page.getByText('1.0 MB of 2.8 MB are shown.').waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByText('2.0 MB of 2.8 MB are shown.').waitFor();
    await next('j.txt');
    await page.getByText('Straße').waitFor();
    await page.getByText('Windows-1252 (guessed)').waitFor();
    t.equal(await page.getByRole('button', { name: 'Edit' }).count(), 0, 'only UTF-8 is changed here');
    await next('k.csv');
    await page.getByText('The first 200 rows').waitFor();
    await next('l-link');
    await page.getByRole('heading', { name: 'This is a link' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'a.csv' }).waitFor();
    t.same(complaints, []);
  });

  await t.test('a text is changed, and what somebody saved meanwhile is not lost', async (t) => {
    const { page, complaints } = await open('bob', { width: 390 });
    await page.goto(`${folder}?view=m.txt`);
    await page.getByText('two', { exact: true }).waitFor();
    // Nothing is typed: what a notebook saves is simply shown.
    put('m.txt', 'one\r\nmore');
    await page.getByText('more', { exact: true }).waitFor();
    put('m.txt', 'one\r\ntwo');
    await page.getByText('two', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    const text = page.getByRole('textbox', { name: 'm.txt' });
    const type = async (words: string) => {
      await text.focus();
      await page.keyboard.press('Control+Home');
      await page.keyboard.type(words);
    };
    const save = () => page.keyboard.press('Control+s');
    const isOnDisk = (content: string) =>
      eventually(
        () => `${JSON.stringify(content)} on the disk, there is ${JSON.stringify(read('m.txt'))}`,
        () => read('m.txt') === content,
      );
    await type('A');
    await save();
    await isOnDisk('Aone\r\ntwo');

    await type('B');
    put('m.txt', 'theirs\r\ntwo');
    await save();
    await page.getByText('Somebody has saved this file').waitFor();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('.cm-deletedChunk').first().waitFor();
    t.same(await violationsOn(page), []);
    await page.getByRole('button', { name: 'Keep mine' }).click();
    await isOnDisk('BAone\r\ntwo');
    await page.getByText('Somebody has saved this file').waitFor({ state: 'hidden' });

    await type('C');
    put('m.txt', 'other\r\ntext\r\n');
    await save();
    await page.getByRole('button', { name: 'Keep theirs' }).click();
    await page.getByText('other', { exact: true }).waitFor();
    t.equal(read('m.txt'), 'other\r\ntext\r\n');

    await type('D');
    const drafts = `Object.keys(localStorage).filter((key) => key.startsWith('knot.draft/')).length`;
    await eventually('a draft', () => page.evaluate(drafts));
    await page.reload();
    await page.getByText('What you typed before is here again.').waitFor();
    await page.getByText('Dother', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'run', exact: true }).click();
    await page.getByText('Leave without saving?').waitFor();
    await page.getByRole('button', { name: 'Throw away' }).click();
    await page.getByRole('link', { name: 'a.csv' }).waitFor();
    t.equal(read('m.txt'), 'other\r\ntext\r\n');
    t.equal(await page.evaluate(drafts), 0);
    t.same(
      complaints.filter((words) => !/status of 412/.test(words)),
      [],
    );
  });
});
