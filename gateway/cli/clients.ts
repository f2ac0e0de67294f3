import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { knotError, secretWarning } from '../lib/index.ts';
import type { ClientListing, ClientSettings } from '../oidc/index.ts';
import { type Command, type Invocation, table, UsageError } from './command.ts';
import { withFacts } from './facts.ts';

const settingFlags = {
  title: { type: 'string' },
  'redirect-uri': { type: 'string', multiple: true },
  'post-logout-redirect-uri': { type: 'string', multiple: true },
  'backchannel-logout-uri': { type: 'string' },
  'allowed-group': { type: 'string', multiple: true },
  alg: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const settingsUsage =
  '[--title TEXT] [--post-logout-redirect-uri URL …] [--backchannel-logout-uri URL] [--allowed-group GROUP …] [--alg RS256|ES256]';

export const clientCommands: readonly Command[] = [
  {
    words: ['client', 'add'],
    usage: `NAME --redirect-uri URL [--redirect-uri URL …] [--id CLIENT-ID] [--public | --secret-file FILE|-] [--first-party] ${settingsUsage} [--json]`,
    summary: 'Registers an OpenID Connect client and prints its id and, once, its secret.',
    options: {
      ...settingFlags,
      id: { type: 'string' },
      public: { type: 'boolean' },
      'first-party': { type: 'boolean' },
      'secret-file': { type: 'string' },
    },
    positionals: [1, 1],
    async run(invocation) {
      const { options, positionals } = invocation;
      const { redirectUris, name = positionals[0]!, ...settings } = settingsOf(invocation);
      if (redirectUris === undefined) throw new UsageError('--redirect-uri is missing');
      const isPublic = options['public'] === true;
      if (isPublic && options['secret-file'] !== undefined) throw new UsageError('a public client has no secret');
      const secret = await secretOf(invocation);
      const client = { ...settings, name, redirectUris, secret, isPublic, firstParty: options['first-party'] === true };
      // A title is free text; the id then comes from the name.
      const clientId = (options['id'] as string | undefined) ?? (name === positionals[0] ? undefined : positionals[0]);
      const added = await withFacts(invocation, async ({ clients }) =>
        (await clients()).add({ ...client, ...(clientId === undefined ? {} : { clientId }) }),
      );
      const { streams } = invocation;
      warnOf(invocation, secret);
      if (options['json'] === true) streams.stdout.write(`${JSON.stringify(added)}\n`);
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
      const found = await withFacts(invocation, async ({ clients }) => (await clients()).list());
      const rows = found.map((client) => [client.clientId, client.name, client.origin, kindOf(client)]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(found, null, 2)
          : table([['CLIENT ID', 'NAME', 'ORIGIN', 'KIND'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['client', 'show'],
    usage: 'CLIENT-ID [--json]',
    summary: 'Shows everything that is registered of a client, its secret excepted.',
    options: { json: { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      const client = await withFacts(invocation, async ({ clients }) =>
        (await clients()).get(invocation.positionals[0]!),
      );
      show(invocation, client);
    },
  },
  {
    words: ['client', 'set'],
    usage: `CLIENT-ID [--redirect-uri URL …] [--first-party | --third-party] ${settingsUsage} [--json]`,
    summary: 'Changes what is named of a client; an empty value (--allowed-group "") takes everything of it away.',
    options: { ...settingFlags, 'first-party': { type: 'boolean' }, 'third-party': { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      const { options } = invocation;
      const [first, third] = [options['first-party'] === true, options['third-party'] === true];
      if (first && third) throw new UsageError('name either --first-party or --third-party');
      const changes = { ...settingsOf(invocation), ...(first || third ? { firstParty: first } : {}) };
      if (Object.keys(changes).length === 0) throw new UsageError('nothing to change is named');
      const client = await withFacts(invocation, async ({ clients }) =>
        (await clients()).set(invocation.positionals[0]!, changes),
      );
      show(invocation, client);
    },
  },
  {
    words: ['client', 'rotate-secret'],
    usage: 'CLIENT-ID [--secret-file FILE|-] [--overlap HOURS] [--json]',
    summary:
      'Gives a client another secret and prints it once; the old one is taken as well for 24 hours, or for --overlap.',
    options: { 'secret-file': { type: 'string' }, overlap: { type: 'string' }, json: { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      const { options, positionals, streams } = invocation;
      const hours = options['overlap'] === undefined ? 24 : Number(options['overlap']);
      if (!Number.isFinite(hours) || hours < 0 || hours > 24 * 90) {
        throw new UsageError('--overlap is a number of hours, 2160 (90 days) at most');
      }
      const secret = await secretOf(invocation);
      const rotated = await withFacts(invocation, async ({ clients }) =>
        (await clients()).rotateSecret(positionals[0]!, { secret, overlapSeconds: Math.round(hours * 3600) }),
      );
      warnOf(invocation, secret);
      if (options['json'] === true) {
        streams.stdout.write(`${JSON.stringify(rotated)}\n`);
        return;
      }
      const until = rotated.previousSecretUntil;
      streams.stdout.write(`client secret  ${rotated.clientSecret}   (shown only now)\n`);
      streams.stdout.write(
        until === null ? 'The old secret has ended.\n' : `The old secret ends at ${new Date(until).toISOString()}.\n`,
      );
    },
  },
  {
    words: ['client', 'remove'],
    usage: 'CLIENT-ID',
    summary: 'Removes a client that was added on the command line or by an admin.',
    options: {},
    positionals: [1, 1],
    async run(invocation) {
      await withFacts(invocation, async ({ clients }) => (await clients()).remove(invocation.positionals[0]!));
      invocation.streams.stdout.write(`${invocation.positionals[0]} is removed.\n`);
    },
  },
];

/** What the flags say; what they do not name is left out. An empty value is "none". */
function settingsOf({ options }: Invocation): Partial<ClientSettings> {
  const list = (name: string) => (options[name] as string[] | undefined)?.filter((value) => value !== '');
  const alg = options['alg'];
  if (alg !== undefined && alg !== 'RS256' && alg !== 'ES256') throw new UsageError('--alg is RS256 or ES256');
  const settings = {
    name: options['title'] as string | undefined,
    redirectUris: list('redirect-uri'),
    postLogoutRedirectUris: list('post-logout-redirect-uri'),
    backchannelLogoutUri: options['backchannel-logout-uri'] === '' ? null : options['backchannel-logout-uri'],
    allowedGroups: list('allowed-group'),
    idTokenSignedResponseAlg: alg,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

async function secretOf({ options, streams }: Invocation): Promise<string | undefined> {
  const file = options['secret-file'] as string | undefined;
  if (file === undefined) return undefined;
  try {
    return (file === '-' ? await text(streams.stdin) : readFileSync(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw knotError('KNOT_CLI_SECRET_FILE', 400, `The secret file ${file} cannot be read.`, {
      cause: error,
      remedy: 'Name a readable file, or - for standard input.',
    });
  }
}

function warnOf({ streams }: Invocation, secret: string | undefined): void {
  const warning = secret === undefined ? undefined : secretWarning(secret);
  if (warning !== undefined) streams.stderr.write(`warning: the secret ${warning}\n`);
}

const kindOf = ({ isPublic, firstParty }: ClientListing): string =>
  [isPublic ? 'public' : 'confidential', ...(firstParty ? ['first party'] : [])].join(', ');

function show({ options, streams }: Invocation, client: ClientListing): void {
  if (options['json'] === true) {
    streams.stdout.write(`${JSON.stringify(client, null, 2)}\n`);
    return;
  }
  const until = client.previousSecretUntil;
  const rows = [
    ['client id', client.clientId],
    ['title', client.name],
    ['origin', client.origin],
    ['kind', kindOf(client)],
    ...client.redirectUris.map((uri) => ['redirect address', uri]),
    ...client.postLogoutRedirectUris.map((uri) => ['after sign-out', uri]),
    ...(client.backchannelLogoutUri === null ? [] : [['told of sign-outs', client.backchannelLogoutUri]]),
    ['open to', client.allowedGroups.length === 0 ? 'everyone' : client.allowedGroups.join(' ')],
    ['ID tokens', client.idTokenSignedResponseAlg],
    ...(until === null ? [] : [['old secret ends', new Date(until).toISOString()]]),
  ];
  streams.stdout.write(`${table(rows)}\n`);
}
