import type { Facts } from '../app/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Invocation, required, table, UsageError } from './command.ts';
import { actor, userOf, withFacts } from './facts.ts';

export const teamCommands: readonly Command[] = [
  {
    words: ['team', 'list'],
    usage: '[--json]',
    summary: 'Lists every team with its members; managers are marked with *.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const teams = await withFacts(invocation, ({ accounts }) => accounts.listTeams());
      const rows = teams.map(({ name, title, members }) => [
        name,
        title,
        members.map(({ username, role }) => `${username}${role === 'manager' ? '*' : ''}`).join(','),
      ]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(teams, null, 2)
          : table([['NAME', 'TITLE', 'MEMBERS'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['team', 'add'],
    usage: 'NAME --title T [--manager USER]',
    summary: 'Makes a team, and one of its managers, who adds the others.',
    options: { title: { type: 'string' }, manager: { type: 'string' } },
    positionals: [1, 1],
    async run(invocation) {
      const name = invocation.positionals[0]!;
      const title = required(invocation, 'title');
      const { manager } = invocation.options;
      await withFacts(invocation, async (facts) => {
        const user = typeof manager === 'string' ? await userOf(facts, manager) : undefined;
        const team = await facts.accounts.createTeam({ name, title }, actor);
        if (user) await facts.accounts.setMember(team.id, user.id, 'manager', actor);
      });
      invocation.streams.stdout.write(
        `The team ${name} is made${manager === undefined ? '' : `, managed by ${String(manager)}`}.\n`,
      );
    },
  },
  {
    words: ['team', 'remove'],
    usage: 'NAME',
    summary: 'Deletes a team; its name is never given to anyone else.',
    options: {},
    positionals: [1, 1],
    async run(invocation) {
      const name = invocation.positionals[0]!;
      await withFacts(invocation, async (facts) => facts.accounts.deleteTeam((await teamOf(facts, name)).id, actor));
      invocation.streams.stdout.write(`The team ${name} is deleted.\n`);
    },
  },
  {
    words: ['team', 'set'],
    usage: 'NAME USER [--role member|manager]',
    summary: 'Adds a member to a team (by default), or changes the role of one.',
    options: { role: { type: 'string' } },
    positionals: [2, 2],
    async run(invocation) {
      const [name = '', username = ''] = invocation.positionals;
      const role = roleOf(invocation);
      await withFacts(invocation, async (facts) => {
        const user = await userOf(facts, username);
        await facts.accounts.setMember((await teamOf(facts, name)).id, user.id, role, actor);
      });
      invocation.streams.stdout.write(`${username} is a ${role} of ${name}.\n`);
    },
  },
  {
    words: ['team', 'unset'],
    usage: 'NAME USER',
    summary: 'Takes a member out of a team; what is open by it ends within two seconds.',
    options: {},
    positionals: [2, 2],
    async run(invocation) {
      const [name = '', username = ''] = invocation.positionals;
      await withFacts(invocation, async (facts) => {
        const user = await userOf(facts, username);
        await facts.accounts.removeMember((await teamOf(facts, name)).id, user.id, actor);
      });
      invocation.streams.stdout.write(`${username} is not in ${name}.\n`);
    },
  },
];

function roleOf({ options }: Invocation): 'member' | 'manager' {
  const { role = 'member' } = options;
  if (role === 'member' || role === 'manager') return role;
  throw new UsageError('--role is member or manager');
}

async function teamOf({ owners }: Facts, name: string) {
  const team = await owners.find(name);
  if (team?.kind === 'team') return team;
  throw knotError('KNOT_CLI_NO_SUCH_TEAM', 404, `There is no team "${name}".`, {
    remedy: '`knot team list` shows all of them.',
  });
}
