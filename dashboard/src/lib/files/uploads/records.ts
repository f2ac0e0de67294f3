/**
 * Uploads that are not at their end, kept in this browser for the person who began them, so that they go on after a reload or a crash.
 * Browser storage may be missing, blocked or full (IndexedDB 3.0, sections 2.1 and 4.6): then nothing is kept, and nothing fails.
 */
import type { Upload } from './model.ts';

export type Kept = Pick<
  Upload,
  | 'key'
  | 'batch'
  | 'target'
  | 'folders'
  | 'name'
  | 'size'
  | 'modifiedAt'
  | 'sent'
  | 'sha256'
  | 'hasBegun'
  | 'decision'
  | 'ifMatch'
> & {
  userId: string;
  /** The page that works on it; as long as that lives, no other one offers it. */
  tab: string;
  /** Epoch milliseconds. */
  at: number;
  handle?: object | undefined;
};

const database = 'knot-uploads';
const table = 'unfinished';
/** Older ones have expired at the gateway. */
const keptMilliseconds = 7 * 24 * 3600 * 1000;
/** What happens to many small files is written together. */
const gatherMilliseconds = 250;

export type Records = ReturnType<typeof openRecords>;

export function openRecords(userId: string) {
  const tab = crypto.randomUUID();
  // Held as long as this page lives (Web Locks): how others see that somebody works on what it keeps.
  void navigator.locks?.request(lockOf(tab), () => new Promise(() => undefined)).catch(() => undefined);
  const changes = new Map<string, Kept | undefined>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  function note(key: string, kept: Kept | undefined): void {
    if (isClosed) return;
    changes.set(key, kept);
    timer ??= setTimeout(() => void flush(), gatherMilliseconds);
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const gathered = [...changes];
    changes.clear();
    await write(gathered).catch(() =>
      // A browser that does not keep handles may keep the rest.
      write(gathered.map(([key, kept]) => [key, kept && { ...kept, handle: undefined }])).catch(() => undefined),
    );
  }

  return {
    keep(upload: Upload): void {
      const { key, batch, target, folders, name, size, modifiedAt, sent, sha256, hasBegun, decision, ifMatch } = upload;
      const fields = { key, batch, target, folders, name, size, modifiedAt, sent, sha256, hasBegun, decision, ifMatch };
      // Plain data: what the page shows may be a proxy, which cannot be cloned.
      const plain = JSON.parse(JSON.stringify(fields)) as typeof fields;
      note(key, { ...plain, userId, tab, at: Date.now(), handle: upload.source?.handle });
    },
    drop: ({ key }: Pick<Upload, 'key'>): void => note(key, undefined),
    /** Those of this person that no page works on. What others left here is thrown away. */
    async left(): Promise<Kept[]> {
      const all = await read().catch((): Kept[] => []);
      const oldest = Date.now() - keptMilliseconds;
      const isOwn = (kept: Kept): boolean => kept.userId === userId && kept.at >= oldest;
      for (const kept of all) if (!isOwn(kept)) note(kept.key, undefined);
      // Before anything else is done here.
      await flush();
      const { held } = (await navigator.locks?.query().catch(() => undefined)) ?? {};
      const living = new Set(held?.map(({ name }) => name));
      return all.filter((kept) => isOwn(kept) && !living.has(lockOf(kept.tab)));
    },
    flush,
    close(): void {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** At sign-out: whoever sits here next is offered none of it. */
export async function forgetRecords(): Promise<void> {
  await transact('readwrite', (store) => store.clear()).catch(() => undefined);
}

const lockOf = (tab: string): string => `${database}:${tab}`;

const write = (changes: readonly (readonly [string, Kept | undefined])[]): Promise<unknown> =>
  transact('readwrite', (store) => {
    for (const [key, kept] of changes) {
      if (kept) store.put(kept);
      else store.delete(key);
    }
  });

const read = (): Promise<Kept[]> => transact('readonly', (store) => store.getAll() as IDBRequest<Kept[]>);

let opened: Promise<IDBDatabase> | undefined;

/** Resolves with the result of the request when it is on the disk. @throws whatever the browser has against it */
async function transact<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T> | void): Promise<T> {
  opened ??= open();
  const db = await opened.catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(table, mode);
    let request: IDBRequest<T> | void;
    transaction.oncomplete = () => resolve((request ? request.result : undefined) as T);
    transaction.onabort = () => reject(transaction.error ?? new Error('aborted'));
    try {
      request = act(transaction.objectStore(table));
    } catch (error) {
      transaction.abort();
      reject(error as Error);
    }
  });
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: 'key' });
    request.onsuccess = () => {
      const db = request.result;
      db.onclose = db.onversionchange = () => {
        db.close();
        opened = undefined;
      };
      resolve(db);
    };
    request.onerror = () => reject(request.error ?? new Error('not opened'));
    request.onblocked = () => reject(new Error('blocked'));
  });
}
