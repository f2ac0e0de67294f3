/**
 * By hand: `node test/bench/upload-journey.ts [MiB] [FILES] [together]`. A browser uploads a file of so many MiB (2048) over a line that is
 * cut five times, then, or with `together` in the same drop, a folder with so many small files (10,000); printed is how long it took, what page and gateway needed, and how long the page
 * could not answer at the longest.
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { startCuttingProxy } from '../support/net/cutting-proxy.ts';

const [mebibytes = 2048, files = 10_000] = process.argv.slice(2, 4).map(Number);
const isTogether = process.argv[4] === 'together';
const hour = 3600 * 1000;
t.setTimeout(hour);

t.test('large and many', async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob'] });
  const line = await startCuttingProxy();
  const source = mkdtempSync(join(tmpdir(), 'knot-upload-'));
  t.teardown(async () => {
    await line.close();
    rmSync(source, { recursive: true, force: true });
  });
  const { user } = (await (await person('bob')).api('GET', '/me')).json<{ user: { id: string } }>();
  const area = join(gateway.data, 'files/private', user.id);
  const { page } = await open('bob', { proxy: line.address });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  const heap = async (): Promise<number> => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return Math.round((metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? 0) / 1e6);
  };
  const resident = (): number =>
    Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1000);
  const most = { pageHeap: 0, gateway: 0 };
  const sampling = setInterval(() => {
    most.gateway = Math.max(most.gateway, resident());
    void heap().then(
      (megabytes) => (most.pageHeap = Math.max(most.pageHeap, megabytes)),
      () => undefined,
    );
  }, 500);
  t.teardown(() => clearInterval(sampling));
  const tell = (title: string, facts: object): void => console.error(`${title}: ${JSON.stringify(facts)}`);

  await page.goto(`${gateway.origin}/files/private`);
  await page.getByText('Nothing here yet').waitFor();
  tell('before, MB', { pageHeap: await heap(), gateway: resident() });

  const file = join(source, 'large.bin');
  const isThere = async () => t.equal(await sha256(join(area, 'large.bin')), await sha256(file), 'equal');
  const areThere = () => {
    const there = readdirSync(join(area, 'many'), { recursive: true, withFileTypes: true });
    t.equal(there.filter((entry) => entry.isFile()).length, files);
  };
  const cutFiveTimes = async () => {
    for (let cut = 1; cut <= 5; cut++) {
      line.cutAfter((mebibytes / 6) * (1 << 20));
      await eventually(`cut ${cut}`, () => line.cuts() === cut, hour);
    }
  };

  if (isTogether) {
    await fill(file, mebibytes);
    makeMany(source);
    await page.evaluate(watchFrames);
    const startedAt = performance.now();
    await drop(page, file, join(source, 'many'));
    await cutFiveTimes();
    tell('cut five times, s', { seconds: since(startedAt) });
    await uploaded(page, files + 1);
    tell('together', {
      ...{ mebibytes, files, seconds: since(startedAt), sentMebibytes: Math.round(line.sent() / (1 << 20)) },
      longestPauseMs: await page.evaluate<number>('longestPause'),
      ...most,
    });
    await isThere();
    return areThere();
  }

  if (mebibytes > 0) {
    await fill(file, mebibytes);
    let startedAt = performance.now();
    await drop(page, file);
    await page
      .getByText(/MB a second/)
      .first()
      .waitFor({ timeout: hour });
    tell('read and begun, s', { seconds: since(startedAt) });
    startedAt = performance.now();
    const sentBefore = line.sent();
    await cutFiveTimes();
    await page.getByRole('heading', { name: '1 file is uploaded' }).waitFor({ timeout: hour });
    const seconds = since(startedAt);
    tell('large', {
      mebibytes,
      seconds,
      perSecond: Math.round(mebibytes / seconds),
      sentMebibytes: Math.round((line.sent() - sentBefore) / (1 << 20)),
      ...most,
    });
    await isThere();
    rmSync(file);
  }

  if (files > 0) {
    makeMany(source);
    await page.evaluate(watchFrames);
    const startedAt = performance.now();
    await drop(page, join(source, 'many'));
    await uploaded(page, files);
    tell('many', {
      files,
      seconds: since(startedAt),
      longestPauseMs: await page.evaluate<number>('longestPause'),
      ...most,
    });
    areThere();
  }
});

const watchFrames = `globalThis.longestPause = 0;
let last = performance.now();
setInterval(() => { const now = performance.now(); longestPause = Math.max(longestPause, Math.round(now - last - 20)); last = now; }, 20);`;

const uploaded = (page: Page, count: number): Promise<void> =>
  page
    .getByRole('heading', { name: new RegExp(`^${count.toLocaleString('en')} files are uploaded`) })
    .waitFor({ timeout: hour });

/** In ten folders. */
function makeMany(source: string): void {
  for (let folder = 0; folder < 10; folder++) mkdirSync(join(source, `many/${folder}`), { recursive: true });
  for (let index = 0; index < files; index++)
    writeFileSync(join(source, `many/${index % 10}/${index}.txt`), `file ${index}`);
}

const since = (at: number): number => Math.round((performance.now() - at) / 100) / 10;

async function fill(path: string, size: number): Promise<void> {
  const file = await openFile(path, 'w');
  const piece = Buffer.alloc(1 << 20);
  for (let index = 0; index < size; index++) {
    piece.fill(`${index} `);
    await file.write(piece);
  }
  await file.close();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function drop(page: Page, ...files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: 600, y: 500, data });
  await session.detach();
}
