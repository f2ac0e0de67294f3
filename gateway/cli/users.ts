import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { User } from '../accounts/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Invocation, required, table } from './command.ts';
import { actor, userOf, withFacts } from './facts.ts';

export const userCommands: readonly Command[] = [
  {
    words: ['user', 'add'],
    usage: 'NAME --email E [--admin] --password-file F|-',
    summary: 'Makes an active user. The password is the first line of the file, or of standard input.',
    options: { email: { type: 'string' }, admin: { type: 'boolean' }, 'password-file': { type: 'string' } },
    positionals: [1, 1],
    async run(invocation) {
      const email = required(invocation, 'email');
      const password = await readPassword(required(invocation, 'password-file'), invocation);
      const isAdmin = invocation.options['admin'] === true;
      const user = await withFacts(invocation, ({ accounts }) =>
        accounts.createUser({ username: invocation.positionals[0]!, email, password, isAdmin, state: 'active' }, actor),
      );
      invocation.streams.stdout.write(`${user.username} can sign in${isAdmin ? ' and is an admin' : ''}.\n`);
    },
  },
  {
    words: ['user', 'list'],
    usage: '[--json]',
    summary: 'Lists every user with state and role.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const { users } = await withFacts(invocation, ({ accounts }) => accounts.listUsers({ limit: 100_000 }));
      const rows = users.map((user) => [
        user.username,
        user.email,
        user.state,
        user.isAdmin ? 'admin' : 'user',
        user.teams.map((team) => team.name).join(','),
      ]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(users, null, 2)
          : table([['NAME', 'EMAIL', 'STATE', 'ROLE', 'TEAMS'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['user', 'disable'],
    usage: 'NAME',
    summary: 'Ends all sessions of a user and refuses the next sign-in.',
    options: {},
    positionals: [1, 1],
    run: (invocation) =>
      changeUser(invocation, async ({ accounts, sessions }, user) => {
        const ended = (await sessions.list(user.id)).length;
        await accounts.setState(user.id, 'disabled', actor);
        return `${user.username} is disabled; ${ended} ${ended === 1 ? 'session' : 'sessions'} ended.`;
      }),
  },
  {
    words: ['user', 'enable'],
    usage: 'NAME',
    summary: 'Lets a pending or disabled user sign in.',
    options: {},
    positionals: [1, 1],
    run: (invocation) =>
      changeUser(invocation, async ({ accounts }, user) => {
        await accounts.setState(user.id, 'active', actor);
        return `${user.username} is active.`;
      }),
  },
  {
    words: ['user', 'setup-link'],
    usage: '',
    summary: 'Prints a new one-time link that makes the first admin; older ones stop working.',
    options: {},
    positionals: [0, 0],
    async run(invocation) {
      const link = await withFacts(invocation, ({ newSetupLink }) => newSetupLink());
      if (!link)
        throw knotError('KNOT_CLI_ADMIN_EXISTS', 409, 'An admin exists already, so there is no setup link.', {
          remedy: 'An admin can make a reset link on the Users page.',
        });
      invocation.streams.stdout.write(`${link}\n`);
    },
  },
];

async function changeUser(
  invocation: Invocation,
  change: (facts: Parameters<Parameters<typeof withFacts>[1]>[0], user: User) => Promise<string>,
): Promise<void> {
  const name = invocation.positionals[0]!;
  const message = await withFacts(invocation, async (facts) => {
    return change(facts, await userOf(facts, name));
  });
  invocation.streams.stdout.write(`${message}\n`);
}

async function readPassword(source: string, { streams }: Invocation): Promise<string> {
  let content: string;
  try {
    content = source === '-' ? await text(streams.stdin) : readFileSync(source, 'utf8');
  } catch (error) {
    throw knotError('KNOT_CLI_PASSWORD_FILE', 400, `The password file ${source} cannot be read.`, {
      cause: error,
      remedy: 'Name a readable file, or - for standard input.',
    });
  }
  return content.split(/\r?\n/)[0]!;
}
