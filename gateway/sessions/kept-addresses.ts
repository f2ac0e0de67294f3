import { type Clock, newSecret } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import {
  deleteKept,
  deleteKeptBefore,
  findKept,
  findKeptOf,
  insertKept,
  listKeptBeyond,
  touchKept,
} from './records.ts';

/** Who asks for an address to be kept: nobody is signed in yet, so the bounds are per browser and per network. */
export type KeptBy = {
  /** Hash of a random cookie; of a browser that shows none yet, the one it is just given. */
  browser: string;
  /** Client address. */
  client: string;
};

/** Where people wanted to go while they sign in, when that is too long to travel in another address. */
export type KeptAddresses = {
  /** Keeps an address as it is, for a day; the same address of the same browser only once. Returns an id that cannot be guessed. */
  keep(address: string, by: KeptBy): Promise<string>;
  /** Undefined when it is not kept, or not any more. */
  find(id: string): Promise<string | undefined>;
  /** Removes what is too old; called by the sweep. */
  prune(): Promise<void>;
};

const lifetimeMs = 24 * 3600_000;
/** Of each browser, each client address, and all together; beyond them the oldest go. 2,000 of 32 KiB are 64 MiB. */
const most = { browser: 20, client: 200, all: 2000 };
const idPattern = /^[A-Za-z0-9_-]{43}$/;

export function createKeptAddresses({ store, clock }: { store: Store; clock: Clock }): KeptAddresses {
  return {
    keep: (address, { browser, client }) =>
      store.transaction(async ({ db }) => {
        const now = clock.now();
        const known = await findKeptOf(db, browser, address);
        if (known) {
          await touchKept(db, known.id, now);
          return known.id;
        }
        const id = newSecret();
        await insertKept(db, { id, address, browser, client, kept_at: now });
        const beyond = [
          ...(await listKeptBeyond(db, { browser }, most.browser)),
          ...(await listKeptBeyond(db, { client }, most.client)),
          ...(await listKeptBeyond(db, {}, most.all)),
        ];
        await deleteKept(db, beyond);
        return id;
      }),
    async find(id) {
      if (!idPattern.test(id)) return undefined;
      const row = await findKept(store.db, id);
      return row && row.kept_at > clock.now() - lifetimeMs ? row.address : undefined;
    },
    prune: () => deleteKeptBefore(store.db, clock.now() - lifetimeMs),
  };
}
