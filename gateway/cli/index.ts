/**
 * cli: `knot <command>`: the same facts as the gateway, without its servers.
 * Owns: the commands, their usage, what they print and their exit status (0 done, 1 refused, 2 wrong usage).
 * Does not own: what the commands do (accounts, sessions, oidc, policy, audit, config): each works on the store while the
 * gateway runs, and the change feed puts it in force there.
 */
import { KnotError, nearest } from '../lib/index.ts';
import { type Command, parseInvocation, type Streams, UsageError } from './command.ts';

export { parseInvocation, settingOptions, UsageError } from './command.ts';

/**
 * The commands by their first word, in the order of the overview. Each group is loaded when it is asked for: what one of them
 * needs (an engine for policies, an OpenID Provider) must not slow down the others.
 */
const groups: Record<string, () => Promise<readonly Command[]>> = {
  user: async () => [
    ...(await import('./users.ts')).userCommands,
    (await import('./user-export.ts')).userExportCommand,
  ],
  team: async () => (await import('./teams.ts')).teamCommands,
  plan: async () => (await import('./plans.ts')).planCommands,
  provision: async () => (await import('./provision.ts')).provisionCommands,
  token: async () => (await import('./tokens.ts')).tokenCommands,
  files: async () => [
    ...(await import('./files/commands.ts')).fileCommands,
    ...(await import('./file-shares.ts')).shareCommands,
  ],
  service: async () => [
    ...(await import('./services.ts')).serviceCommands,
    ...(await import('./service-history.ts')).serviceHistoryCommands,
    ...(await import('./service-shares.ts')).serviceShareCommands,
  ],
  template: async () => (await import('./templates.ts')).templateCommands,
  session: async () => (await import('./sessions.ts')).sessionCommands,
  client: async () => (await import('./clients.ts')).clientCommands,
  connection: async () => (await import('./connections.ts')).connectionCommands,
  policy: async () => (await import('./policy.ts')).policyCommands,
  explain: async () => (await import('./policy.ts')).explainCommands,
  routes: async () => (await import('./routes.ts')).routeCommands,
  audit: async () => (await import('./audit.ts')).auditCommands,
  verify: async () => (await import('./verify.ts')).verifyCommands,
  config: async () => (await import('./config.ts')).configCommands,
  integrations: async () => (await import('./integrations.ts')).integrationCommands,
  images: async () => (await import('./images.ts')).imageCommands,
  kubeconfig: async () => (await import('./kubeconfig.ts')).kubeconfigCommands,
  login: async () => (await import('./login.ts')).loginCommands,
  logout: async () => (await import('./login.ts')).logoutCommands,
  whoami: async () => (await import('./login.ts')).whoCommands,
  status: async () => (await import('./running.ts')).runningCommands,
  restart: async () => (await import('./running.ts')).restartCommands,
  version: async () => (await import('./version.ts')).versionCommands,
};

/** Runs one command and returns its exit status. */
export async function runCommand(given: string[], streams: Streams): Promise<number> {
  const args = given[0] === '--version' ? ['version', ...given.slice(1)] : given;
  const [first = 'help'] = args;
  if (['help', '--help', '-h'].includes(first)) {
    streams.stdout.write(overview(await everyCommand()));
    return 0;
  }
  const group = Object.hasOwn(groups, first) ? await groups[first]!() : [];
  const command = group.find(({ words }) => words.every((word, index) => args[index] === word));
  const asksForHelp = args.some((arg) => arg === '--help' || arg === '-h');
  if (asksForHelp && group.length > 0) {
    streams.stdout.write(overview(command ? [command] : group));
    return 0;
  }
  if (!command) {
    const every = await everyCommand();
    streams.stderr.write(
      `knot: unknown command "${args.slice(0, 2).join(' ')}"${suggestion(args, every)}\n\n${overview(every)}`,
    );
    return 2;
  }
  try {
    await command.run(parseInvocation(command, args.slice(command.words.length), streams));
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      streams.stderr.write(`knot: ${error.message}\nusage: knot ${command.words.join(' ')} ${command.usage}\n`);
      return 2;
    }
    streams.stderr.write(`knot: ${describe(error)}\n`);
    return 1;
  }
}

async function everyCommand(): Promise<Command[]> {
  return (await Promise.all(Object.values(groups).map((load) => load()))).flat();
}

/** The command that was probably meant: `knot explian` is one letter away from `knot explain`. */
function suggestion(args: readonly string[], every: readonly Command[]): string {
  const names = [...every.map(({ words }) => words.join(' ')), 'start', 'help'];
  const meant = nearest(args.slice(0, 2).join(' '), names) ?? nearest(args[0]!, names);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}

/** The message and the cure; the cause only for what was not foreseen. */
export function describe(error: unknown): string {
  if (error instanceof KnotError) {
    return `${error.message}${error.remedy === undefined ? '' : `\n      ${error.remedy}`} (${error.code})`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Said once, for every command that takes both --as and --at. */
const sides = `Commands with --as and --at work on the Knot of --at, of KNOT_URL, or of the last \`knot login\`, as whoever signed in there; in scripts with a
personal token in KNOT_TOKEN, or in the file that KNOT_TOKEN_FILE names, and KNOT_URL (KNOT_CA_FILE or --ca for a certificate of its own authority).
With --as USER, or any setting of start, they work on this machine, whose disk is yours, and ask nobody; \`knot service\` asks the gateway that runs
here, as that person.
`;

function overview(commands: readonly Command[]): string {
  const start =
    '  start [--config FILE] [--data DIR] [--policies DIR] [--listen HOST:PORT] [--domain NAME] [--ops HOST:PORT] [--log pretty|json] [--requests all|none]';
  const lines = commands.map(
    ({ words, usage, summary }) => `  ${words.join(' ')} ${usage}`.trimEnd() + `\n      ${summary}`,
  );
  const which = commands.some(({ options }) => 'as' in options && 'at' in options) ? sides : '';
  return `usage: knot <command>\n\n${start}\n      Starts the gateway (the default).\n${lines.join('\n')}\n\n${which}Every command takes the settings of start. Exit status: 0 done, 1 refused, 2 wrong usage.\n`;
}
