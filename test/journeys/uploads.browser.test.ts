import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { startCuttingProxy } from '../support/net/cutting-proxy.ts';

/** Uploads as a person makes them, on a running gateway and over a line that breaks. */
t.setTimeout(300_000);

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
      await page.goto(`${gateway.origin}/files/private`);
      await page.getByText('Nothing here yet').waitFor();
      line.limit(16 * mebibyte);
      await drop(page, [join(source, 'run 7')]);
      await panel.getByText('big.bin').waitFor();
      for (let cut = 1; cut <= 5; cut++) {
        line.cutAfter(3 * mebibyte);
        await eventually(`cut ${cut}`, () => line.cuts() === cut, 30_000);
        if (cut === 2) await page.getByRole('link', { name: 'Home' }).first().click();
      }
      await panel
        .getByText(`${names.length + 1} files are uploaded`)
        .first()
        .waitFor();
      t.match(page.url(), /\/$/, 'from another page of the house');
      t.same(below(join(area, 'run 7')), below(join(source, 'run 7')));
      t.ok(line.sent() < 34 * mebibyte, `sent ${(line.sent() / mebibyte).toFixed(1)} MiB: nothing begins anew`);
      t.same(await violationsOn(page), []);
    },
  );
  t.same(
    complaints.filter((complaint) => !/ERR_CONNECTION_RESET|status of 409|ERR_PROXY|ERR_SOCKET/.test(complaint)),
    [],
    'nothing but what the line did',
  );
});
