/** What somebody dropped or chose, as files and folders: nested, empty and hidden ones too, some at a time. */
import type { Picked, Source } from './model.ts';

/** So many at once that the page stays quick, so few that the first begin soon. */
const pieceSize = 200;

/** Files of an `<input type="file">`, with their folders when a folder was chosen. */
export async function* chosen(files: Iterable<File>): AsyncGenerator<Picked[]> {
  yield* inPieces(
    (async function* () {
      for (const file of files) {
        const folders = file.webkitRelativePath.split('/').slice(0, -1).map(textOfLocalName);
        yield pickedFile(folders, file, { file: () => Promise.resolve(file) });
      }
    })(),
  );
}

/** Files chosen by the browser's own dialog (File System Access), which can be opened again after a reload. */
export async function* opened(handles: readonly FileSystemFileHandle[]): AsyncGenerator<Picked[]> {
  yield* inPieces(
    (async function* () {
      for (const handle of handles) {
        yield await handle
          .getFile()
          .then((file) => pickedFile([], file, sourceOf(handle)))
          .catch(() => unreadable([], handle.name));
      }
    })(),
  );
}

/**
 * What was dropped. Call it while the event is handled: afterwards the browser shows nothing of it any more (HTML, "drag data store
 * mode"). Folders are walked by their entries: their handles leave out names that some system could not bear (`end.`, `back\slash`).
 */
export function dropped({ items }: DataTransfer): AsyncGenerator<Picked[]> {
  const taken = [...items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => ({
      handle: (item as HandedItem).getAsFileSystemHandle?.().catch(() => null),
      entry: item.webkitGetAsEntry(),
      file: item.getAsFile(),
    }));
  return inPieces(
    (async function* () {
      for (const { handle, entry, file } of taken) {
        const root = (await handle) ?? undefined;
        if (entry) yield* walk(entry, [], root);
        else if (file) yield pickedFile([], file, { file: () => Promise.resolve(file), handle: root });
      }
    })(),
  );
}

/** Chromium's addition to what was dropped (File System Access, section 3.8). */
type HandedItem = { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/** `handle`: of the file or folder that was dropped. */
async function* walk(entry: FileSystemEntry, folders: string[], handle?: FileSystemHandle): AsyncGenerator<Picked> {
  if (entry.isFile) {
    yield await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
      .then((file) => pickedFile(folders, file, { file: () => Promise.resolve(file), handle }))
      .catch(() => unreadable(folders, entry.name));
    return;
  }
  const inside = [...folders, textOfLocalName(entry.name)];
  yield { kind: 'folder', folders: inside };
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  try {
    // Hands out some at a time, and at the end none (File and Directory Entries API, section 7.3).
    for (let some = await entriesOf(reader); some.length > 0; some = await entriesOf(reader))
      for (const child of some) yield* walk(child, inside, handle);
  } catch {
    yield unreadable(folders, entry.name);
  }
}

const unreadable = (folders: string[], name: string): Picked => ({
  kind: 'unreadable',
  folders,
  name: textOfLocalName(name),
});

const entriesOf = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject));

const pickedFile = (folders: string[], { name, size, lastModified }: File, source: Source): Picked => ({
  kind: 'file',
  folders,
  name: textOfLocalName(name),
  size,
  modifiedAt: lastModified,
  source,
});

export const sourceOf = (handle: FileSystemFileHandle): Source => ({ file: () => handle.getFile(), handle });

/**
 * A name as the API writes it: there, characters of U+F000–U+F0FF stand for bytes that are no text, so a name that has such a character
 * says its bytes.
 */
export const textOfLocalName = (name: string): string =>
  name.replace(/[\uf000-\uf0ff]/g, (character) =>
    String.fromCharCode(...[...new TextEncoder().encode(character)].map((byte) => 0xf000 + byte)),
  );

async function* inPieces(all: AsyncIterable<Picked>): AsyncGenerator<Picked[]> {
  let piece: Picked[] = [];
  for await (const one of all) {
    piece.push(one);
    if (piece.length < pieceSize) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}
