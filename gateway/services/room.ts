import { type Kysely, sql } from 'kysely';
import type { Store, Tables, Transaction } from '../store/index.ts';
import type { Engine } from './engine.ts';
import { type Holder, holders, isHolding } from './records.ts';
import { type Obstacle, refused } from './refusals.ts';
import type { Service, Size } from './service.ts';
import { chooseSize } from './sizes.ts';

type Database = Kysely<Tables>;

/** What an owner may have, from their plan; what is absent is not limited. Memory in bytes. */
export type OwnerLimits = {
  services?: number;
  cpu?: number;
  memory?: number;
  idleSeconds?: number;
  /** Of what a cluster has beside processors and memory, by its name there. */
  resources?: Readonly<Record<string, number>>;
};

/** What services have or may have together. */
export type Amount = { services: number; cpu: number; memory: number };

/** What an owner may choose from, may have, and has. */
export type RoomTold = {
  sizes: readonly Size[];
  limits: OwnerLimits;
  held: Amount;
  /** `limit`: how many the plan of the owner allows. */
  accelerators: readonly { name: string; total: number; free: number; limit?: number }[];
};

export type Room = {
  /** Smallest first. */
  sizes: readonly Size[];
  limitsOf(owner: Service['owner']): Promise<OwnerLimits>;
  /** From now on nobody else claims, until the transaction ends. On SQLite transactions come one after another anyway. */
  claim(transaction: Transaction): Promise<void>;
  /** `limits`: read before the transaction, which must not wait for another connection. `field`: where a size is chosen. */
  obstacles(db: Database, wanted: Wanted, limits: OwnerLimits, field: string): Promise<Obstacle[]>;
  /** The size of a service that is becoming another one, or is begun: refused when there is no room. @throws KNOT_SERVICES_REFUSED */
  fit(transaction: Transaction, before: Service, after: Service, limits: OwnerLimits): Promise<Size>;
  tell(owner: Service['owner']): Promise<RoomTold>;
  /** What each owner has, by id; nothing of those who have nothing. */
  held(): Promise<ReadonlyMap<string, Amount>>;
};

type Wanted = { id?: string; owner: Service['owner']; size: Size; machine?: string };

/** Key of the advisory lock: any constant no other lock of the database uses. */
const roomLock = 0x6b6e_6f03;

/**
 * Who may begin a service: the plan of its owner and the machine have room for it beside what runs. What sleeps, is stopped or was given
 * up holds nothing; what is on its way, also to its end, does. Whoever writes what follows from the answer asks in the same transaction
 * after `claim`, so that two who begin at one moment do not both find the last place.
 */
export function createRoom(options: {
  store: Store;
  machine: string;
  sizes: readonly Size[];
  /** What services may be promised of this machine. */
  whole: { cpu: number; memory: number };
  limitsOf(owner: Service['owner']): Promise<OwnerLimits>;
  acceleratorsNow?: Engine['accelerators'];
}): Room {
  const { store, machine, sizes, whole, limitsOf, acceleratorsNow = async () => [] } = options;

  return {
    sizes,
    limitsOf,
    async claim({ db }: Transaction): Promise<void> {
      if (store.kind === 'postgres') await sql`select pg_advisory_xact_lock(${roomLock})`.execute(db);
    },
    async obstacles(
      db: Database,
      { id, owner, size, machine: where = machine }: Wanted,
      limits: OwnerLimits,
      field: string,
    ): Promise<Obstacle[]> {
      const others = (await holders(db)).filter((one) => one.id !== id);
      const own = others.filter((one) => one.ownerId === owner.id);
      return [
        ...ofPlan(own, size, limits, field),
        // How much another machine has is not known here, and what is begun there its own gateway begins.
        ...(where === machine
          ? ofMachine(
              others.filter((one) => one.machine === machine),
              size,
              whole,
              field,
            )
          : []),
      ];
    },
    async fit(transaction, before, after, limits) {
      const { schema, plan } = after.template;
      const chosen = chooseSize(sizes, { schema, memory: plan.memory, values: after.values });
      if ('obstacle' in chosen) throw refused([chosen.obstacle]);
      const { size, field } = chosen;
      if (!isHolding(after)) return size;
      const has = isHolding(before) ? before.size : undefined;
      // What it has already nobody else needs: a plan that became smaller takes away nothing that runs.
      if (has !== undefined && size.cpu <= has.cpu && size.memory <= has.memory) return size;
      await this.claim(transaction);
      const full = await this.obstacles(
        transaction.db,
        { id: after.id, owner: after.owner, size, machine: after.machine },
        limits,
        field,
      );
      if (full.length > 0) throw refused(full);
      return size;
    },
    async tell(owner) {
      const [all, { services, cpu, memory, resources = {} }, special] = await Promise.all([
        holders(store.db),
        limitsOf(owner),
        acceleratorsNow(),
      ]);
      return {
        sizes,
        limits: {
          ...(services !== undefined && { services }),
          ...(cpu !== undefined && { cpu }),
          ...(memory !== undefined && { memory }),
        },
        held: sum(all.filter((one) => one.ownerId === owner.id)),
        accelerators: special.map(({ name, total, free }) => {
          const limit = Object.hasOwn(resources, name) ? resources[name] : undefined;
          return { name, total, free, ...(limit !== undefined && { limit }) };
        }),
      };
    },
    async held() {
      const byOwner = Map.groupBy(await holders(store.db), ({ ownerId }) => ownerId);
      return new Map([...byOwner].map(([ownerId, own]) => [ownerId, sum(own)]));
    },
  };
}

function ofPlan(own: readonly Holder[], size: Size, limits: OwnerLimits, field: string): Obstacle[] {
  const held = sum(own);
  const names = own.map(({ name }) => name).join(', ');
  const remedy =
    own.length === 0
      ? 'Choose a smaller size, or ask an administrator for a larger plan.'
      : `Stop one that runs: ${names}.`;
  const found: Obstacle[] = [];
  const { services, cpu, memory } = limits;
  if (services !== undefined && held.services + 1 > services)
    found.push({
      field: 'owner',
      message:
        services === 0
          ? 'The plan allows no services.'
          : `The plan allows ${services} at once, and ${held.services} run.`,
      remedy: own.length === 0 ? 'Ask an administrator for a larger plan.' : remedy,
    });
  if (cpu !== undefined && held.cpu + size.cpu > cpu + tiny)
    found.push({
      field,
      message: `The plan has ${round(cpu)} processors for services: ${round(held.cpu)} are taken, and ${size.title} takes ${round(size.cpu)}.`,
      remedy,
    });
  if (memory !== undefined && held.memory + size.memory > memory)
    found.push({
      field,
      message: `The plan has ${amount(memory)} of memory for services: ${amount(held.memory)} are taken, and ${size.title} takes ${amount(size.memory)}.`,
      remedy,
    });
  return found;
}

function ofMachine(
  others: readonly Holder[],
  size: Size,
  whole: { cpu: number; memory: number },
  field: string,
): Obstacle[] {
  const held = sum(others);
  const isFull = held.memory + size.memory > whole.memory || held.cpu + size.cpu > whole.cpu + tiny;
  if (!isFull) return [];
  const remedy = 'Choose a smaller size, or try again when others have stopped theirs.';
  return [{ field, message: 'This machine has no room left for it beside what runs.', remedy }];
}

/** Sums of tenths are not exact. */
const tiny = 1e-6;

const sum = (all: readonly Holder[]): Amount => ({
  services: all.length,
  cpu: all.reduce((total, { size }) => total + (size?.cpu ?? 0), 0),
  memory: all.reduce((total, { size }) => total + (size?.memory ?? 0), 0),
});

const round = (count: number): string => String(Number(count.toFixed(2)));
const amount = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${round(bytes / 1024 ** 3)} GiB` : `${Math.round(bytes / 1024 ** 2)} MiB`;
