import { checkName, type KnotError, knotError, nameSkeleton } from '../lib/index.ts';
import type { ChangeScope } from './change.ts';

/**
 * Takes a name for ever: the row stays when its owner is deleted, so that nobody inherits the files, hosts or rights that
 * are bound to a name somewhere else.
 * @throws KNOT_ACCOUNTS_NAME_INVALID, KNOT_ACCOUNTS_NAME_RESERVED, KNOT_ACCOUNTS_NAME_TAKEN, KNOT_ACCOUNTS_NAME_ALIKE
 */
export async function takeName(
  scope: ChangeScope,
  name: string,
  kind: 'user' | 'team',
  ownerId: string,
): Promise<void> {
  requireGoodName(name);
  const { numInsertedOrUpdatedRows } = await scope.db
    .insertInto('names')
    .values({ name, skeleton: nameSkeleton(name), kind, owner_id: ownerId, created_at: scope.now })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 1n) return;
  const same = await scope.db.selectFrom('names').select('name').where('name', '=', name).executeTakeFirst();
  throw unavailable(name, same !== undefined);
}

function unavailable(name: string, isSame: boolean): KnotError {
  if (isSame) {
    return knotError('KNOT_ACCOUNTS_NAME_TAKEN', 409, `The name "${name}" is taken, or belonged to someone before.`, {
      remedy: 'Choose another name.',
    });
  }
  return knotError('KNOT_ACCOUNTS_NAME_ALIKE', 409, `The name "${name}" looks like one that is taken.`, {
    remedy: 'Choose a name that cannot be mistaken for another (0 and o, 1 and l, rn and m count as the same).',
  });
}

/**
 * The same without taking it: what is free now may be taken a moment later, which `takeName` then says.
 * @throws as `takeName`
 */
export async function requireFreeName(db: ChangeScope['db'], name: string): Promise<void> {
  requireGoodName(name);
  const taken = await db
    .selectFrom('names')
    .select('name')
    .where(({ or, eb }) => or([eb('name', '=', name), eb('skeleton', '=', nameSkeleton(name))]))
    .execute();
  if (taken.length > 0)
    throw unavailable(
      name,
      taken.some((other) => other.name === name),
    );
}

/** The part of the check that needs no database. */
export function requireGoodName(name: string): void {
  const problem = checkName(name);
  if (problem?.reason === 'pattern') {
    throw knotError('KNOT_ACCOUNTS_NAME_INVALID', 400, problem.message, { remedy: 'Choose another name.' });
  }
  if (problem) {
    throw knotError('KNOT_ACCOUNTS_NAME_RESERVED', 400, problem.message, { remedy: 'Choose another name.' });
  }
}
