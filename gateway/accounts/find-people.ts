import { sql, type SqlBool } from 'kysely';
import { checkName } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import type { Accounts } from './model.ts';

/** Fewer letters of a name find only who is called exactly so: nobody reads the list of all people letter by letter. */
const fewestLetters = 3;

/** Finding people for who may not list them: to share something with them, to take them into a team. */
export function createPeopleFinder({ db }: Pick<Store, 'db'>): Pick<Accounts, 'findActiveNames'> {
  return {
    async findActiveNames(typed, limit) {
      const wanted = typed.trim().toLowerCase();
      // What cannot be a name is nobody's, and nothing of it is a pattern of LIKE.
      if (checkName(wanted)?.reason === 'pattern') return [];
      const pattern = wanted.length < fewestLetters ? wanted : `${wanted}%`;
      const rows = db
        .selectFrom('users')
        .select('username')
        .where('state', '=', 'active')
        .where(sql<SqlBool>`username like ${pattern}`)
        .orderBy(sql`case when username = ${wanted} then 0 else 1 end`)
        .orderBy('username')
        .limit(limit);
      return (await rows.execute()).map(({ username }) => username);
    },
  };
}
