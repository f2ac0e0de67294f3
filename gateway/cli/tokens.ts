import { dayOf } from '../lib/index.ts';
import type { NewToken, Token } from '../tokens/index.ts';
import { type Command, type Invocation, required, table, UsageError } from './command.ts';
import type { Api } from './elsewhere/api.ts';
import { eitherOptions as options, eitherUsage as which, isHere, withApi } from './elsewhere/which.ts';
import { actor, userOf, withFacts } from './facts.ts';

/** The tokens of one person, on this machine or elsewhere. */
type TokenSide = {
  create(token: Omit<NewToken, 'userId'>): Promise<{ token: Omit<Token, 'userId'>; secret: string }>;
  list(): Promise<Omit<Token, 'userId'>[]>;
  revoke(id: string): Promise<void>;
};

async function withTokens<T>(invocation: Invocation, work: (side: TokenSide) => Promise<T>): Promise<T> {
  if (!isHere(invocation)) return withApi(invocation, (api) => work(tokensThere(api)));
  return withFacts(invocation, async (facts) => {
    const { id: userId } = await userOf(facts, required(invocation, 'as'));
    return work({
      create: (token) => facts.tokens.create({ userId, ...token }, { actor: actor.name }),
      list: () => facts.tokens.list(userId),
      revoke: (id) => facts.tokens.revoke(userId, id, { actor: actor.name }),
    });
  });
}

const tokensThere = (api: Api): TokenSide => ({
  create: async (token) =>
    (await api.json('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(token),
    })) as Awaited<ReturnType<TokenSide['create']>>,
  list: async () => ((await api.json('/api/v1/tokens'))['tokens'] ?? []) as Awaited<ReturnType<TokenSide['list']>>,
  revoke: async (id) =>
    void (await api.call(`/api/v1/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' })).resume(),
});

export const tokenCommands: readonly Command[] = [
  {
    words: ['token', 'add'],
    usage: `NAME --scope SUBJECT:read|write[:AREA] [--scope …] [--days N] [--json] ${which}`,
    summary:
      'Makes a personal token and prints its secret, once: yours on the Knot you signed in to, or of a user here with --as. Subjects: account files shares teams admin.',
    options: {
      ...options,
      scope: { type: 'string', multiple: true },
      days: { type: 'string' },
      json: { type: 'boolean' },
    },
    positionals: [1, 1],
    async run(invocation) {
      const { options: given, streams } = invocation;
      const name = invocation.positionals[0]!;
      const scopes = given['scope'];
      if (!Array.isArray(scopes)) throw new UsageError('--scope is missing');
      const days = Number(given['days'] ?? 30);
      const made = await withTokens(invocation, (tokens) => tokens.create({ name, scopes, days }));
      if (given['json'] === true) streams.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
      else {
        const until = dayOf(made.token.expiresAt);
        streams.stdout.write(`${made.secret}   (shown only now; ends ${until}, id ${made.token.id})\n`);
      }
    },
  },
  {
    words: ['token', 'list'],
    usage: `[--json] ${which}`,
    summary:
      'Lists your personal tokens on the Knot you signed in to, or those of a user here with --as, with their last use.',
    options: { ...options, json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const tokens = await withTokens(invocation, (side) => side.list());
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
    usage: `ID ${which}`,
    summary: 'Ends a personal token at once.',
    options,
    positionals: [1, 1],
    async run(invocation) {
      const id = invocation.positionals[0]!;
      await withTokens(invocation, (tokens) => tokens.revoke(id));
      invocation.streams.stdout.write(`The token ${id} is dead.\n`);
    },
  },
];
