import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { startCuttingProxy } from '../support/net/cutting-proxy.ts';

/** Uploads as a person makes them, on a running gateway and over a line that breaks. */

const mebibyte = 1 << 20;

/** Drops files and folders of the disk onto the page, as a file manager does. */
async function drop(page: Page, paths: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: 600, y: 500, data });
  await session.detach();
}

/** Everything below a folder: files with their bytes, folders that are empty. */
function below(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) return [[relative(folder, path), readFileSync(path).toString('base64')]];
      return readdirSync(path).length === 0 ? [[`${relative(folder, path)}/`, '']] : [];
    }),
  );
}

/** Chromium's own dialog for files cannot be driven; the handle that it answers with here is a real one, of a file of the browser's. */
const openedByPicker = (size: number): string => `(async () => {
  const root = await navigator.storage.getDirectory();
  const handle = await root.getFileHandle('first.bin', { create: true });
  const stream = await handle.createWritable();
  await stream.write(new Uint8Array(${size}).map((_, index) => index % 253));
  await stream.close();
  window.showOpenFilePicker = () => Promise.resolve([handle]);
})()`;

/** How many uploads this browser keeps for another visit. */
const countKept = `new Promise((resolve, reject) => {
  const request = indexedDB.open('knot-uploads');
  request.onerror = () => reject(new Error('not opened'));
  request.onsuccess = () => {
    const count = request.result.transaction('unfinished').objectStore('unfinished').count();
    count.onsuccess = () => { request.result.close(); resolve(count.result); };
  };
})`;

const blockStorage = `for (const name of ['indexedDB', 'localStorage'])
  Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError'); } });`;

t.test('a person brings data', { skip: browserSkipReason() }, async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob', 'mia'] });
  const line = await startCuttingProxy();
  const source = mkdtempSync(join(tmpdir(), 'knot-upload-'));
  t.teardown(async () => {
    await line.close();
    rmSync(source, { recursive: true, force: true });
  });
  const bob = await person('bob');
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const area = join(gateway.data, 'files/private', user.id);
  const local = (path: string, bytes: Buffer): string => {
    const file = join(source, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  };
  const { page, complaints } = await open('bob', { proxy: line.address });
  const panel = page.getByRole('region', { name: /upload|taken|files?/i });
  page.on('dialog', (dialog) => void dialog.accept());

  await t.test(
    'a folder is dropped, the line breaks five times, the page is left: all is there and equal',
    async (t) => {
      const names = [
        '.hidden',
        'empty',
        'e\u0301 as two.txt',
        '\u00e9 as one.txt',
        '🧶.txt',
        `${'ä'.repeat(126)}.md`,
        'a & b#1%.txt',
        'back\\slash',
        'end.',
      ];
      for (const [index, name] of names.entries())
        local(`run 7/${name}`, Buffer.from(name === 'empty' ? '' : `content ${index}`));
      local('run 7/deep/er/big.bin', randomBytes(24 * mebibyte));
      mkdirSync(join(source, 'run 7/nothing in it'));
      for (const name of ['.hidden', 'deep/er/big.bin']) utimesSync(join(source, 'run 7', name), 1e9, 1e9);
      await page.goto(`${gateway.origin}/files/private`);
      await page.getByText('Nothing here yet').waitFor();
      line.limit(16 * mebibyte);
      await drop(page, [join(source, 'run 7')]);
      await panel.getByText('big.bin').waitFor();
      for (let cut = 1; cut <= 5; cut++) {
        line.cutAfter(3 * mebibyte);
        await eventually(`cut ${cut}`, () => line.cuts() === cut);
        if (cut === 2) await page.getByRole('link', { name: 'Home' }).first().click();
      }
      await panel
        .getByText(`${names.length + 1} files are uploaded`)
        .first()
        .waitFor();
      t.match(page.url(), /\/$/, 'from another page of the house');
      t.same(below(join(area, 'run 7')), below(join(source, 'run 7')));
      const timeOf = (name: string): number => statSync(join(area, 'run 7', name)).mtimeMs;
      t.same(['.hidden', 'deep/er/big.bin'].map(timeOf), [1e12, 1e12], 'with the times they had');
      t.ok(line.sent() < 34 * mebibyte, `sent ${(line.sent() / mebibyte).toFixed(1)} MiB: nothing begins anew`);
      t.same(await violationsOn(page), []);
    },
  );
  line.limit(undefined);
  /** What is chosen in the browser's dialog for files. */
  const choose = (target: Page, files: string[], kind = 'files') =>
    target.locator(`input[data-upload=${kind}]`).setInputFiles(files);
  const inArea = (path: string): string => readFileSync(join(area, path), 'utf8');

  await t.test('names that are taken: keep both, replace, the same for all', async (t) => {
    const files = ['a.txt', 'b.txt', 'c.txt', 'd.txt'].map((name) => local(name, Buffer.from(`new ${name}`)));
    for (const name of ['a.txt', 'b.txt', 'c.txt', 'd.txt']) writeFileSync(join(area, name), 'old');
    await page.goto(`${gateway.origin}/files/private`);
    await choose(page, files);
    const question = (name: string) => page.getByRole('group', { name: `“${name}” is there already` });
    await question('a.txt').getByRole('button', { name: 'Keep both' }).click();
    await question('b.txt').getByRole('button', { name: 'Replace' }).click();
    const row = panel.getByRole('listitem').filter({ has: question('c.txt') });
    await row.getByLabel('The same for all').check();
    t.same(await violationsOn(page), []);
    await row.getByRole('button', { name: 'Skip' }).click();
    await panel.getByRole('heading', { name: '2 files are uploaded' }).waitFor();
    t.same(['a.txt', 'a (2).txt', 'b.txt', 'c.txt', 'd.txt'].map(inArea), [
      'old',
      'new a.txt',
      'new b.txt',
      'old',
      'old',
    ]);
    // The folder that is shown shows them.
    await page.getByRole('row', { name: /a \(2\)\.txt/ }).waitFor();
    await panel.getByRole('button', { name: 'Close the uploads' }).click();
    await panel.waitFor({ state: 'detached' });
  });

  await t.test('a file that is written to while it is uploaded is told', async () => {
    const file = local('growing.bin', Buffer.alloc(3 * mebibyte, 'a'));
    line.limit(2 * mebibyte);
    await drop(page, [file]);
    await panel
      .getByText(/MB of 3.1 MB/)
      .first()
      .waitFor();
    writeFileSync(file, Buffer.alloc(3 * mebibyte, 'b'));
    await panel.getByText(/changed, moved or deleted on your computer/).waitFor();
    await panel.getByRole('button', { name: 'Give growing.bin up' }).click();
  });

  await t.test('after a reload it goes on: by one press, or by choosing the file again', async (t) => {
    const second = local('second.bin', randomBytes(6 * mebibyte));
    await page.evaluate(openedByPicker(6 * mebibyte));
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Files…' }).click();
    await panel.getByText('first.bin').waitFor();
    await choose(page, [second]);
    for (const name of ['first.bin', 'second.bin'])
      await panel
        .getByRole('progressbar', { name: `${name}: how much is sent` })
        .and(page.locator('[value]:not([value="0"])'))
        .waitFor();
    const before = line.sent();
    await eventually('more of both is there', () => line.sent() > before + 4 * mebibyte);
    await page.reload();
    const offer = panel.getByRole('group', { name: 'Unfinished uploads' });
    await offer.getByText('2 uploads were not finished').waitFor();
    line.limit(undefined);
    const sent = line.sent();
    await offer.getByRole('button', { name: 'Go on' }).click();
    await offer.getByText('1 upload was not finished').waitFor();
    await choose(page, [local('other/second.bin', Buffer.from('another file'))], 'unfinished');
    await offer.getByText(/another file/).waitFor();
    await choose(page, [second], 'unfinished');
    await panel.getByRole('heading', { name: '2 files are uploaded' }).waitFor();
    t.ok(
      line.sent() - sent < 10 * mebibyte,
      `${((line.sent() - sent) / mebibyte).toFixed(1)} of 12 MiB after the reload`,
    );
    t.ok(readFileSync(join(area, 'second.bin')).equals(readFileSync(second)));
    t.equal(
      readFileSync(join(area, 'first.bin')).findIndex((byte, index) => byte !== index % 253),
      -1,
    );
  });

  await t.test('nobody else is offered what somebody left here, and nothing is left at sign-out', async (t) => {
    const kept = () => page.evaluate<number>(countKept);
    line.limit(mebibyte);
    const begin = async (): Promise<void> => {
      await choose(page, [local('private.bin', randomBytes(4 * mebibyte))]);
      await eventually('it is kept', async () => (await kept()) === 1);
    };
    await begin();
    const own = await page.context().cookies();
    await page.context().clearCookies();
    const mia = await person('mia');
    await page
      .context()
      .addCookies(
        [...mia.cookies('localhost')].map(([name, value]) => ({ name, value, url: gateway.origin, secure: true })),
      );
    await page.reload();
    await page.getByRole('button', { name: /mia/ }).waitFor();
    await eventually('what bob left is gone', async () => (await kept()) === 0);
    t.equal(await panel.count(), 0);
    await page.context().clearCookies();
    await page.context().addCookies(own);
    await page.goto(`${gateway.origin}/files/private`);
    await begin();
    await page.getByRole('button', { name: /bob.*account and settings/ }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/login|signed-out|\/$/);
    t.equal(await kept(), 0);
  });

  t.same(
    complaints.filter(
      (complaint) => !/ERR_CONNECTION_RESET|status of (401|409|460)|ERR_PROXY|ERR_SOCKET/.test(complaint),
    ),
    [],
    'nothing but what the line did',
  );

  await t.test('on a phone, in a browser that keeps nothing: all is there', async (t) => {
    const { page: phone, complaints: onPhone } = await open('mia', { width: 390 });
    await phone.addInitScript(blockStorage);
    const { user: mia } = (await (await person('mia')).api('GET', '/me')).json<{ user: { id: string } }>();
    await phone.goto(`${gateway.origin}/files/private`);
    await choose(phone, [local('phone.txt', Buffer.from('from a phone')), local('empty.txt', Buffer.alloc(0))]);
    const panelOfPhone = phone.getByRole('region', { name: /files? (is|are) uploaded/ });
    await panelOfPhone.waitFor();
    t.same(await violationsOn(phone), []);
    t.equal(readFileSync(join(gateway.data, 'files/private', mia.id, 'phone.txt'), 'utf8'), 'from a phone');
    t.same(onPhone, []);
  });
});
