import { knotError } from '../lib/index.ts';
import { type Command, table, UsageError } from './command.ts';
import { actor, withFacts } from './facts.ts';

export const sessionCommands: readonly Command[] = [
  {
    words: ['session', 'list'],
    usage: '[--user NAME] [--json]',
    summary: 'Lists who is signed in where.',
    options: { user: { type: 'string' }, json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const wanted = invocation.options['user'];
      const found = await withFacts(invocation, async ({ accounts, sessions }) => {
        const all = await sessions.listAll();
        const named = await Promise.all(
          all.map(async (session) => ({
            ...session,
            username: (await accounts.principal(session.userId))?.username ?? '',
          })),
        );
        return wanted === undefined ? named : named.filter(({ username }) => username === wanted);
      });
      const time = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
      const rows = found.map((session) => [
        session.id,
        session.username,
        session.device,
        session.address,
        time(session.lastSeenAt),
      ]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(found, null, 2)
          : table([['ID', 'USER', 'DEVICE', 'ADDRESS', 'LAST USE (UTC)'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['session', 'end'],
    usage: 'ID | --user NAME [--keep-connections]',
    summary:
      'Ends one session, or all of a user with the connected applications, on every host; open streams close within two seconds.',
    options: { user: { type: 'string' }, 'keep-connections': { type: 'boolean' } },
    positionals: [0, 1],
    async run(invocation) {
      const [id] = invocation.positionals;
      const name = invocation.options['user'];
      if ((id === undefined) === (name === undefined)) throw new UsageError('name either a session id or --user');
      const keeps = invocation.options['keep-connections'] === true;
      if (keeps && name === undefined) throw new UsageError('--keep-connections goes with --user');
      const { ended, disconnected } = await withFacts(invocation, async ({ accounts, sessions, connections }) => {
        const by = { actor: actor.name, reason: 'ended_by_admin' };
        if (id !== undefined) return { ended: (await sessions.end(id, by)) ? 1 : 0, disconnected: 0 };
        const user = await accounts.findUserByName(name as string);
        if (!user) return { ended: 0, disconnected: 0 };
        const count = await sessions.endAll(user.id, by);
        return { ended: count, disconnected: keeps ? 0 : await (await connections()).endAll(user.id, by) };
      });
      if (ended + disconnected === 0)
        throw knotError('KNOT_CLI_NO_SUCH_SESSION', 404, 'There is no such session.', {
          remedy: '`knot session list` shows all of them.',
        });
      const apps = `${disconnected} connected ${disconnected === 1 ? 'application' : 'applications'}`;
      invocation.streams.stdout.write(
        `${ended} ${ended === 1 ? 'session' : 'sessions'}${disconnected === 0 ? '' : ` and ${apps}`} ended.\n`,
      );
    },
  },
];
