/** Uploads of an earlier visit: they go on when their file is here again, by a press where the browser kept the way to it. */
import { addressOf } from '#lib/files/place.ts';
import { createDigest } from './digest.ts';
import { sourceOf } from './gather.ts';
import { pathOf, type Picked, type Source, type Target, type Upload } from './model.ts';
import type { Queue } from './queue.ts';
import type { Kept } from './records.ts';

type AskedHandle = (FileSystemFileHandle | FileSystemDirectoryHandle) & {
  requestPermission?(options: { mode: 'read' }): Promise<PermissionState>;
};

export function createUnfinished(queue: Queue) {
  const handles = new Map<string, AskedHandle>();
  // Ten thousand files may be chosen again, and each is looked for.
  const byPlace = new Map<string, Upload>();
  const byName = new Map<string, Upload[]>();
  const left = (): Upload[] => [...queue.uploads.values()].filter(({ state }) => state === 'left');
  const placeOf = ({ target: { place, path }, folders, name }: Pick<Upload, 'target' | 'folders' | 'name'>): string =>
    `${addressOf(place)}\n${pathOf({ target: { place, path }, folders, name })}`;

  /** Whether it is the same file: by what the system says of it, else by its content. */
  async function isSame(upload: Upload, file: File): Promise<boolean> {
    if (file.size !== upload.size) return false;
    if (file.lastModified === upload.modifiedAt) return true;
    if (upload.sha256 === undefined) return false;
    const { digest, close } = createDigest();
    const sha256 = await digest(file, () => undefined, new AbortController().signal).catch(() => undefined);
    close();
    return sha256 === upload.sha256;
  }

  async function goOn(upload: Upload, source: Source): Promise<boolean> {
    const file = await source.file().catch(() => undefined);
    if (!file) {
      queue.note(upload, 'It is not where it was: choose the file.');
      return false;
    }
    if (!(await isSame(upload, file))) {
      queue.note(upload, 'This is another file, or it has changed since: give this upload up and choose it anew.');
      return false;
    }
    upload.modifiedAt = file.lastModified;
    queue.found(upload.key, source);
    return true;
  }

  return {
    offer(uploads: readonly Upload[], kept: readonly Kept[]): void {
      for (const { key, handle } of kept) if (handle) handles.set(key, handle as AskedHandle);
      for (const upload of uploads) {
        byPlace.set(placeOf(upload), upload);
        byName.set(upload.name, [...(byName.get(upload.name) ?? []), upload]);
      }
    },
    /** Whether it goes on by a press alone. */
    canGoOn: (key: string): boolean => handles.has(key),
    /** Opens the files that are known; the browser may ask the person. Call it while a press is handled. */
    async resume(): Promise<void> {
      for (const upload of left()) {
        const handle = handles.get(upload.key);
        if (!handle) continue;
        if (await mayRead(handle)) await goOn(upload, sourceBelow(handle, upload));
        else queue.note(upload, 'The browser may not open it: choose the file.');
      }
    },
    /** Takes what was chosen for those that wait for it; tells how many of it nobody waited for. */
    async match(pieces: AsyncIterable<Picked[]>): Promise<number> {
      let strangers = 0;
      for await (const piece of pieces) {
        for (const picked of piece) {
          if (picked.kind !== 'file') continue;
          const named = (byName.get(picked.name) ?? []).filter(
            ({ state, folders }) =>
              state === 'left' && (picked.folders.length === 0 || folders.join('/') === picked.folders.join('/')),
          );
          // Of several of one name the one that looks like it.
          const fits = (one: Upload): boolean => one.size === picked.size && one.modifiedAt === picked.modifiedAt;
          const upload = named.find(fits) ?? named[0];
          if (!upload || !(await goOn(upload, picked.source))) strangers += 1;
        }
      }
      return strangers;
    },
    /** Whether what was dropped anew at the same place is what waits to go on there. */
    takes(target: Target, picked: Picked): boolean {
      if (picked.kind !== 'file') return false;
      const { folders, name, size, modifiedAt, source } = picked;
      const upload = byPlace.get(placeOf({ target, folders, name }));
      if (upload?.state !== 'left' || upload.size !== size || upload.modifiedAt !== modifiedAt) return false;
      queue.found(upload.key, source);
      return true;
    },
  };
}

async function mayRead(handle: AskedHandle): Promise<boolean> {
  if (!handle.requestPermission) return true;
  return handle.requestPermission({ mode: 'read' }).then(
    (state) => state === 'granted',
    () => false,
  );
}

/** The file itself, or the one that lay there below the folder. */
function sourceBelow(handle: AskedHandle, { folders, name }: Upload): Source {
  if (handle.kind === 'file') return sourceOf(handle);
  const find = async (): Promise<File> => {
    let folder: FileSystemDirectoryHandle = handle;
    for (const step of folders.slice(1)) folder = await folder.getDirectoryHandle(step);
    return (await folder.getFileHandle(name)).getFile();
  };
  return { file: find, handle };
}
