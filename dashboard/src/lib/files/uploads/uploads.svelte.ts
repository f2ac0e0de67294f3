/** The uploads of the person who sits here, as any page sees them. What does the work is fetched when there is something to do. */
import { keepNotice } from '#lib/notices.svelte.ts';
import { urls } from '#lib/urls.ts';
import { counted } from '#lib/words.ts';
import type { Engine } from './engine.ts';
import type { Decision, Picked, Target } from './model.ts';
import { pace, type Picture, pictureOf } from './picture.ts';
import { createRate } from './rate.ts';

/** `picture`: undefined while there is nothing to show. */
export const uploads = $state<{ picture: Picture | undefined; isOpen: boolean }>({ picture: undefined, isOpen: true });

const shownEveryMilliseconds = 200;
const rate = createRate();
let userId: string | undefined;
let engine: Promise<Engine> | undefined;
let lastTarget: Target | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
/** How many were done and had failed when the person was last told. */
let told = { done: 0, failed: 0 };

/** Looks for what this person left unfinished in this browser, and throws away what others did. */
export async function openUploads(id: string): Promise<void> {
  if (userId === id) return;
  userId = id;
  await closeEngine();
  const { openRecords } = await import('./records.ts');
  const records = openRecords(id);
  const kept = await records.left();
  if (kept.length === 0 || userId !== id) return records.close();
  (await start(id, records)).offer(kept);
}

/** Uploads what was dropped or chosen. */
export async function uploadTo(target: Target, pieces: AsyncIterable<Picked[]>): Promise<void> {
  if (userId === undefined) return;
  lastTarget = target;
  uploads.isOpen = true;
  const { take, queue } = await start(userId);
  if (!uploads.picture?.isActive) queue.clear();
  told = { done: 0, failed: 0 };
  await take(target, pieces);
}

/** At sign-out: ends everything and leaves nothing of it in this browser. */
export async function forgetUploads(): Promise<void> {
  await closeEngine();
  uploads.picture = undefined;
  const { forgetRecords } = await import('./records.ts');
  await forgetRecords();
}

export const uploadActs = {
  pause: (keys?: readonly string[]) => withEngine(({ queue }) => queue.pause(keys)),
  resume: (keys?: readonly string[]) => withEngine(({ queue }) => queue.resume(keys)),
  cancel: (keys?: readonly string[]) => withEngine(({ queue }) => queue.cancel(keys)),
  decide: (key: string, decision: Decision, isForAll: boolean) =>
    withEngine(({ queue }) => queue.decide(key, decision, { isForAll })),
  clear: () => withEngine(({ queue }) => queue.clear()),
  goOn: () => withEngine(({ unfinished }) => unfinished.resume()),
  match: (pieces: AsyncIterable<Picked[]>) => withEngine(({ unfinished }) => unfinished.match(pieces)),
};

async function withEngine<T>(act: (engine: Engine) => T): Promise<Awaited<T> | undefined> {
  return engine && (await act(await engine));
}

async function start(id: string, records?: Parameters<typeof import('./engine.ts').createEngine>[1]): Promise<Engine> {
  engine ??= (async () => {
    const [{ createEngine }, { openRecords }] = await Promise.all([import('./engine.ts'), import('./records.ts')]);
    return createEngine(id, records ?? openRecords(id), showSoon);
  })();
  return engine;
}

async function closeEngine(): Promise<void> {
  const old = engine;
  engine = undefined;
  (await old)?.close();
}

function showSoon(): void {
  timer ??= setTimeout(() => void show(), shownEveryMilliseconds);
}

async function show(): Promise<void> {
  timer = undefined;
  if (!engine) return;
  const { queue, unfinished } = await engine;
  const facts = { isHalted: queue.isHalted(), hasHandle: unfinished.canGoOn };
  const wasActive = uploads.picture?.isActive ?? false;
  const now = performance.now();
  const first = pictureOf(queue.uploads.values(), facts);
  if (!first.isActive) rate.reset();
  else rate.note(first.sent, now);
  const picture = { ...first, ...pace(first, rate.perSecond(now)) };
  uploads.picture = picture.total + picture.unfinished.length > 0 ? picture : undefined;
  // The rate falls when nothing comes any more, although nobody says so.
  if (picture.isActive) timer ??= setTimeout(() => void show(), 1000);
  else if (wasActive) tell(picture);
}

/** Finds the person again on whatever page they are: the panel may be closed by then. */
function tell({ counts: { done, failed, asked }, isHalted }: Picture): void {
  if (asked > 0 || isHalted || !lastTarget) return;
  const link = { href: urls.folder(lastTarget.place), label: 'Show the folder' };
  const news = { done: done - told.done, failed: failed - told.failed };
  told = { done, failed };
  if (news.failed > 0)
    keepNotice({ tone: 'failed', text: `${counted(news.failed, 'file was', 'files were')} not uploaded.`, link });
  if (news.done > 0)
    keepNotice({ tone: 'done', text: `${counted(news.done, 'file is', 'files are')} uploaded.`, link });
}
