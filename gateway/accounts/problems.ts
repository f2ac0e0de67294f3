import { KnotError, knotError, withDetails } from '../lib/index.ts';

/** A refusal as a form shows it: at its field, in words for a person. */
export type FieldProblem = { field: string; message: string };

/**
 * Runs every check of a form and refuses with all that failed, in `details.problems`, each at its field: nobody should mend one
 * field to be told of the next. One failure keeps its own code.
 * @throws KNOT_ACCOUNTS_INPUT when several failed
 */
export async function checkFields(checks: Record<string, (() => unknown) | undefined>): Promise<void> {
  const failed: { field: string; error: KnotError }[] = [];
  for (const [field, check] of Object.entries(checks)) {
    try {
      await check?.();
    } catch (error) {
      if (!(error instanceof KnotError) || error.statusCode >= 500) throw error;
      failed.push({ field, error });
    }
  }
  const [first] = failed;
  if (!first) return;
  const problems = failed.map(({ field, error }): FieldProblem => ({
    field,
    message: error.remedy === undefined ? error.message : `${error.message} ${error.remedy}`,
  }));
  if (failed.length > 1) {
    // 409 when the fields are well and only taken.
    const statusCode = failed.every(({ error }) => error.statusCode === 409) ? 409 : 400;
    throw knotError('KNOT_ACCOUNTS_INPUT', statusCode, failed.map(({ error }) => error.message).join(' '), {
      details: { problems },
      headers: Object.assign({}, ...failed.map(({ error }) => error.headers)) as Record<string, string>,
    });
  }
  throw withDetails(first.error, { ...first.error.details, problems });
}
