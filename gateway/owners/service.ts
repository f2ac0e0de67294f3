import { LRUCache } from 'lru-cache';
import { checkName, type Principal, type TeamRole } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import type { Owner } from './owner.ts';
import type { Area } from './resources.ts';

/** An owner that somebody may choose in a form: themselves, or a team they are in. */
export type OwnOwner = Owner & { role: 'self' | TeamRole };

/** Given by `app.ts` from accounts. */
export type FindOwner = (name: string) => Promise<Owner | undefined>;

export type Owners = {
  /** By name; cached. Undefined when there is nobody of that name any more. */
  find(name: string): Promise<Owner | undefined>;
  /** The person first, then the teams by name. */
  of(principal: Principal): Promise<OwnOwner[]>;
  /**
   * The area that an address names for somebody: `private` (their own), `shared`, `admin`, `team:NAME`, and `user:NAME` for what
   * another person shares with them. Whether they may enter it is another question (policy).
   */
  area(name: string, principal: Principal): Promise<Area | undefined>;
  /** What somebody finds without being told: their own, that of everyone, those of their teams; that of admins. */
  areasOf(principal: Principal): Promise<Area[]>;
  close(): void;
};

const mostCached = 10_000;

export function createOwners({
  store,
  findOwner,
}: {
  store: Pick<Store, 'onChange' | 'onGap'>;
  findOwner: FindOwner;
}): Owners {
  const cache = new LRUCache<string, Owner>({ max: mostCached });
  /** By id; what the cache dropped may stand here still. */
  const nameOf = new Map<string, string>();
  const forget = (id: string): void => {
    const name = nameOf.get(id);
    if (name === undefined) return;
    cache.delete(name);
    nameOf.delete(id);
  };
  /** Grows with each change, so that an answer that one overtook is not kept. */
  let changes = 0;
  const stops = (['users', 'teams'] as const).map((topic) =>
    store.onChange(topic, (id) => {
      changes += 1;
      forget(id);
    }),
  );

  stops.push(
    store.onGap(() => {
      changes += 1;
      cache.clear();
    }),
  );

  async function find(name: string): Promise<Owner | undefined> {
    if (checkName(name)?.reason === 'pattern') return undefined;
    const known = cache.get(name);
    if (known) return known;
    const before = changes;
    const owner = await findOwner(name);
    if (owner && before === changes) {
      if (nameOf.size >= 2 * mostCached) {
        cache.clear();
        nameOf.clear();
      }
      cache.set(name, owner);
      nameOf.set(owner.id, name);
    }
    return owner;
  }

  const self = ({ id, username }: Principal): Owner => ({ kind: 'user', id, name: username, title: username });

  async function area(name: string, principal: Principal): Promise<Area | undefined> {
    if (name === 'private') {
      return principal.state === 'guest' ? undefined : areaOf(self(principal), 'private', 'Private');
    }
    if (name === 'shared') return { kind: 'shared', key: 'shared', name, title: 'Shared' };
    if (name === 'admin') return { kind: 'admin', key: 'admin', name, title: 'Admin' };
    const [, kind, ownerName] = /^(team|user):(.*)$/.exec(name) ?? [];
    if (kind === undefined || ownerName === undefined) return undefined;
    if (kind === 'user' && ownerName === principal.username) return areaOf(self(principal), 'private', 'Private');
    const owner = await find(ownerName);
    return owner?.kind === kind ? areaOf(owner, name, owner.title) : undefined;
  }

  return {
    find,
    async of(principal) {
      const teams = await Promise.all(
        principal.teams.map(async ({ name, role }): Promise<OwnOwner | undefined> => {
          const team = await find(name);
          return team && { ...team, role };
        }),
      );
      return [{ ...self(principal), role: 'self' }, ...teams.filter((team) => team !== undefined)];
    },
    area,
    async areasOf(principal) {
      const names = ['private', 'shared', ...principal.teams.map(({ name }) => `team:${name}`)];
      if (principal.isAdmin) names.push('admin');
      const areas = await Promise.all(names.map((name) => area(name, principal)));
      return areas.filter((one) => one !== undefined);
    },
    close() {
      for (const stop of stops) stop();
      cache.clear();
      nameOf.clear();
    },
  };
}

function areaOf(owner: Owner, name: string, title: string): Area {
  const kind = owner.kind === 'user' ? 'private' : 'team';
  return { kind, id: owner.id, key: `${kind}/${owner.id}`, name, title, owner };
}
