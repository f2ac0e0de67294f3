/**
 * Many entries as one zip, with how far it is and a way to stop it. Small ones are gathered by the browser (which keeps what is large on
 * its disk); large ones go straight into a file that the person chooses, where the browser can do that; else its own downloads take it,
 * with a picture of their own.
 */
import { filesApi, zipAt } from '#lib/api/files.ts';
import { downloadFrom } from '#lib/files/download.ts';
import type { Item } from '#lib/files/item.ts';
import type { Place } from '#lib/files/place.ts';
import { readable } from '#lib/files/readable.ts';
import { missingIn } from '#lib/files/zip-report.ts';
import { say, sayProblem, sayWorking } from '#lib/toasts.svelte.ts';
import { byteSize, counted } from '#lib/words.ts';

/** Above this a page does not gather it. */
const mostGathered = 512_000_000;

type SaveTarget = { createWritable(): Promise<WritableStream<Uint8Array>>; getFile(): Promise<File> };
type Picker = (options: { suggestedName: string }) => Promise<SaveTarget>;

/** `title`: of the file, without its ending. */
export async function downloadZip(folder: Place, items: readonly Item[], title: string): Promise<void> {
  const stop = new AbortController();
  const name = `${title.replaceAll(/[/\\:*?"<>|\p{Cc}\p{Cf}\ue000-\uf8ff]/gu, '_')}.zip`;
  const work = sayWorking(
    `Packing ${items.length === 1 ? `“${readable(items[0]!.name)}”` : counted(items.length, 'entry', 'entries')}`,
    () => stop.abort(),
  );
  try {
    const whole = await sizeOf(items);
    const target = whole > mostGathered ? await targetFor(name) : undefined;
    if (whole > mostGathered && target === undefined) {
      // Of several, the one that can be asked for by an address is their folder; so each comes on its own.
      for (const item of items) downloadFrom(zipAt(item.place));
      return say('Your browser downloads it, and shows how far it is.', { isPassing: true });
    }
    const answer = await filesApi.zip(
      folder,
      items.map(({ address }) => address),
      stop.signal,
    );
    let seen = 0;
    const counted = answer.body!.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          seen += chunk.length;
          work.tell(whole > 0 ? seen / whole : undefined, `${byteSize(seen)} of about ${byteSize(whole)}`);
          controller.enqueue(chunk);
        },
      }),
    );
    await finish(counted, target, name, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) say('The download is cancelled.', { isPassing: true });
    else sayProblem(error);
  } finally {
    work.end();
  }
}

async function finish(
  bytes: ReadableStream<Uint8Array>,
  target: SaveTarget | undefined,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  let packed: Blob;
  if (target) {
    // What is aborted leaves no half of a file (File System Standard, section 2.6.1: written to a swap file until it is closed).
    await bytes.pipeTo(await target.createWritable(), { signal });
    packed = await target.getFile();
  } else {
    packed = await new Response(bytes).blob();
    const href = URL.createObjectURL(packed);
    downloadFrom(href, name);
    // The browser has taken it by then.
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }
  const missing = await missingIn(packed);
  const size = byteSize(packed.size);
  if (missing.length === 0) return say(`“${name}” is downloaded (${size}).`);
  const listed =
    missing.slice(0, 3).map(readable).join('; ') + (missing.length > 3 ? `; and ${missing.length - 3} more` : '');
  say(`“${name}” is downloaded (${size}), without ${counted(missing.length, 'entry', 'entries')}: ${listed}.`, {
    tone: 'failed',
  });
}

async function targetFor(name: string): Promise<SaveTarget | undefined> {
  const { showSaveFilePicker } = window as { showSaveFilePicker?: Picker };
  return showSaveFilePicker?.({ suggestedName: name });
}

/** Bytes of what is packed; of folders what they hold. */
async function sizeOf(items: readonly Item[]): Promise<number> {
  let bytes = 0;
  for (const item of items) {
    if (item.kind !== 'folder') bytes += item.size;
    else bytes += (await filesApi.folder(item.place, { list: 'usage' })).everything?.bytes ?? 0;
  }
  return bytes;
}
