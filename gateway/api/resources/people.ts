import { knotError } from '../../lib/index.ts';
import { createGuesses } from '../../tokens/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { type Party, PeopleQuerySchema, PeopleSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

const mostFound = 20;
/** More than anybody types, and too few to read the names of all people in a day. */
const mostLookups = 60;
const windowMs = 60_000;

/**
 * Finding somebody by name, for everybody: active people by the beginning of their name, the teams of who asks likewise, and any other
 * team by its whole name alone. Addresses are told to nobody here.
 */
export function peopleRoutes(
  app: ApiServer,
  { accounts, owners, clock }: Needs<'accounts' | 'owners' | 'clock'>,
): void {
  const lookups = createGuesses(clock, { most: mostLookups, windowMs });

  app.get(
    '/people',
    describe(
      'person',
      'People',
      'Find people and teams by name, to share with or to take into a team',
      { querystring: PeopleQuerySchema, response: answers(200, PeopleSchema) },
      'account',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const wait = lookups.waitOf(principal.id);
      if (wait !== undefined) throw tooMany(wait);
      lookups.note(principal.id);
      const typed = request.query.q.trim().toLowerCase();
      if (typed === '') return { people: [] };
      const [names, exact, own] = await Promise.all([
        accounts.findActiveNames(typed, mostFound),
        owners.find(typed),
        owners.of(principal),
      ]);
      const teams = own.filter(
        ({ kind, name, title }) =>
          kind === 'team' && name !== exact?.name && (name.startsWith(typed) || title.toLowerCase().startsWith(typed)),
      );
      const found: Party[] = [
        ...(exact?.kind === 'team' ? [exact] : []),
        ...names.map((name) => ({ kind: 'user' as const, name, title: name })),
        ...teams,
      ];
      return { people: found.slice(0, mostFound).map(({ kind, name, title }) => ({ kind, name, title })) };
    },
  );
}

function tooMany(seconds: number) {
  return knotError('KNOT_API_TOO_MANY_LOOKUPS', 429, 'You looked for people very often within a minute.', {
    remedy: `Try again in ${seconds} s.`,
    headers: { 'retry-after': String(seconds) },
  });
}
