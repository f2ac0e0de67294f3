import type { Facts } from '../app/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Invocation, required, table, UsageError } from './command.ts';
import { actor, withFacts } from './facts.ts';

export const tokenCommands: readonly Command[] = [
  {
    words: ['token', 'add'],
    usage: 'NAME --as USER --scope SUBJECT:read|write[:AREA] [--scope …] [--days N] [--json]',
    summary:
      'Makes a personal token of a user and prints its secret, once. Subjects: account files shares teams admin.',
    options: {
      as: { type: 'string' },
      scope: { type: 'string', multiple: true },
      days: { type: 'string' },
      json: { type: 'boolean' },
    },
    positionals: [1, 1],
    async run(invocation) {
      const { options, streams } = invocation;
      const name = invocation.positionals[0]!;
      const scopes = options['scope'];
      if (!Array.isArray(scopes)) throw new UsageError('--scope is missing');
      const days = Number(options['days'] ?? 30);
      const made = await withFacts(invocation, async (facts) => {
        const { id: userId } = await userOf(facts, invocation);
        return facts.tokens.create({ userId, name, scopes, days }, { actor: actor.name });
      });
      if (options['json'] === true) streams.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
      else {
        const until = dayOf(made.token.expiresAt);
        streams.stdout.write(`${made.secret}   (shown only now; ends ${until}, id ${made.token.id})\n`);
      }
    },
  },
  {
    words: ['token', 'list'],
    usage: '--as USER [--json]',
    summary: 'Lists the personal tokens of a user with their last use.',
    options: { as: { type: 'string' }, json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const tokens = await withFacts(invocation, async (facts) => {
        const user = await userOf(facts, invocation);
        return facts.tokens.list(user.id);
      });
      const rows = tokens.map(({ id, name, scopes, hint, expiresAt, lastUsedAt, lastUsedFrom }) => [
        id,
        name,
        `…${hint}`,
        scopes.join(' '),
        dayOf(expiresAt),
        lastUsedAt === null ? 'never' : `${new Date(lastUsedAt).toISOString()} from ${lastUsedFrom}`,
      ]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(tokens, null, 2)
          : table([['ID', 'NAME', 'SECRET', 'SCOPES', 'UNTIL', 'LAST USE'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['token', 'remove'],
    usage: 'ID --as USER',
    summary: 'Ends a personal token of a user at once.',
    options: { as: { type: 'string' } },
    positionals: [1, 1],
    async run(invocation) {
      const id = invocation.positionals[0]!;
      await withFacts(invocation, async (facts) => {
        const user = await userOf(facts, invocation);
        await facts.tokens.revoke(user.id, id, { actor: actor.name });
      });
      invocation.streams.stdout.write(`The token ${id} is dead.\n`);
    },
  },
];

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

async function userOf({ accounts }: Facts, invocation: Invocation) {
  const name = required(invocation, 'as');
  const user = await accounts.findUserByName(name);
  if (user) return user;
  throw knotError('KNOT_CLI_NO_SUCH_USER', 404, `There is no user "${name}".`, {
    remedy: '`knot user list` shows all of them.',
  });
}
