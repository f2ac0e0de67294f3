import { dayOf } from '../lib/index.ts';
import { type Command, required, table } from './command.ts';
import { actor, userOf, withFacts } from './facts.ts';

export const connectionCommands: readonly Command[] = [
  {
    words: ['connection', 'list'],
    usage: '--user NAME [--json]',
    summary: 'Lists the applications that may go on for a user without them.',
    options: { user: { type: 'string' }, json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const found = await withFacts(invocation, async (facts) => {
        const user = await userOf(facts, required(invocation, 'user'));
        return await (await facts.connections()).list(user.id);
      });
      const rows = found.map((one) => [
        one.clientId,
        one.name,
        one.isOffline ? 'offline' : 'agreed',
        dayOf(one.since),
        one.expiresAt === null ? '-' : dayOf(one.expiresAt),
        one.scopes.join(' '),
      ]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(found, null, 2)
          : table([['CLIENT ID', 'NAME', 'ACCESS', 'SINCE', 'UNTIL', 'MAY READ'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['connection', 'end'],
    usage: 'CLIENT-ID --user NAME',
    summary: 'Ends everything an application was given for a user.',
    options: { user: { type: 'string' } },
    positionals: [1, 1],
    async run(invocation) {
      const clientId = invocation.positionals[0]!;
      await withFacts(invocation, async (facts) => {
        const user = await userOf(facts, required(invocation, 'user'));
        const by = { actor: actor.name, reason: 'ended on the command line' };
        await (await facts.connections()).end(user.id, clientId, by);
      });
      invocation.streams.stdout.write(`${clientId} is disconnected.\n`);
    },
  },
];
