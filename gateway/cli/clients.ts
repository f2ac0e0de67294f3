import { type Command, table, UsageError } from './command.ts';
import { withFacts } from './facts.ts';

export const clientCommands: readonly Command[] = [
  {
    words: ['client', 'add'],
    usage: 'NAME --redirect-uri URL [--redirect-uri URL …] [--post-logout-redirect-uri URL …] [--public] [--json]',
    summary: 'Registers an OpenID Connect client and prints its id and, once, its secret.',
    options: {
      'redirect-uri': { type: 'string', multiple: true },
      'post-logout-redirect-uri': { type: 'string', multiple: true },
      public: { type: 'boolean' },
      json: { type: 'boolean' },
    },
    positionals: [1, 1],
    async run(invocation) {
      const redirectUris = (invocation.options['redirect-uri'] ?? []) as string[];
      if (redirectUris.length === 0) throw new UsageError('--redirect-uri is missing');
      const added = await withFacts(invocation, async (facts) =>
        (await facts.clients()).add({
          name: invocation.positionals[0]!,
          redirectUris,
          postLogoutRedirectUris: (invocation.options['post-logout-redirect-uri'] ?? []) as string[],
          isPublic: invocation.options['public'] === true,
        }),
      );
      const { streams } = invocation;
      if (invocation.options['json'] === true) streams.stdout.write(`${JSON.stringify(added)}\n`);
      else {
        streams.stdout.write(`client id      ${added.clientId}\n`);
        if (added.clientSecret) streams.stdout.write(`client secret  ${added.clientSecret}   (shown only now)\n`);
      }
    },
  },
  {
    words: ['client', 'list'],
    usage: '[--json]',
    summary: 'Lists the clients of the OpenID Provider.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const clients = await withFacts(invocation, async (facts) => (await facts.clients()).list());
      const rows = clients.map((client) => [client.clientId, client.name, client.origin]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(clients, null, 2)
          : table([['CLIENT ID', 'NAME', 'ORIGIN'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['client', 'remove'],
    usage: 'CLIENT-ID',
    summary: 'Removes a client that was added on the command line or by an admin.',
    options: {},
    positionals: [1, 1],
    async run(invocation) {
      await withFacts(invocation, async (facts) => (await facts.clients()).remove(invocation.positionals[0]!));
      invocation.streams.stdout.write(`${invocation.positionals[0]} is removed.\n`);
    },
  },
];
