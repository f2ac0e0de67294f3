import { Type } from 'typebox';
import { type AddProblem, SecretReference } from './section.ts';

/** What Knot keeps and reads: these keys stand at the top of the file. */
export const stateKeys = {
  data: Type.String({
    default: '.knot',
    minLength: 1,
    description: 'Folder for the database, certificates and embedded services.',
  }),
  policies: Type.String({
    default: 'policies',
    minLength: 1,
    description: 'Folder of the policy files; the shipped ones by default.',
  }),
  database: Type.Optional(
    Type.String({
      pattern: '^(sqlite:.+|postgres(ql)?://.+)$',
      description:
        'postgres://USER@HOST/DATABASE (password in databasePassword); SQLite in the data folder by default.',
    }),
  ),
  databasePassword: Type.Optional(SecretReference),
};

/** No password in the file; from a flag or the environment (`isFromFile` false) it may come with one. */
export function checkDatabase(database: string | undefined, isFromFile: boolean, add: AddProblem): void {
  if (database !== undefined && isFromFile && /^\w+:\/\/[^/]*:[^/]*@/.test(database)) {
    add(
      'database',
      'must not hold a password in the file; use databasePassword: {fromFile: …} or the variable KNOT_DATABASE',
    );
  }
}
