/**
 * cli: `knot <command>`: the same facts as the gateway, without its servers.
 * Owns: the commands, their usage, what they print and their exit status (0 done, 1 refused, 2 wrong usage).
 * Does not own: what the commands do (accounts, sessions, oidc, policy, audit, config): each works on the store while the
 * gateway runs, and the change feed puts it in force there.
 */
import { KnotError } from '../lib/index.ts';
import { auditCommands } from './audit.ts';
import { clientCommands } from './clients.ts';
import { type Command, parseInvocation, type Streams, UsageError } from './command.ts';
import { configCommands } from './config.ts';
import { integrationCommands } from './integrations.ts';
import { policyCommands } from './policy.ts';
import { routeCommands } from './routes.ts';
import { sessionCommands } from './sessions.ts';
import { userCommands } from './users.ts';

export { parseInvocation, settingOptions, UsageError } from './command.ts';

const commands: readonly Command[] = [
  ...userCommands,
  ...sessionCommands,
  ...clientCommands,
  ...policyCommands,
  ...routeCommands,
  ...auditCommands,
  ...configCommands,
  ...integrationCommands,
];

/** Runs one command and returns its exit status. */
export async function runCommand(args: string[], streams: Streams): Promise<number> {
  if (args.length === 0 || args[0] === 'help' || args[0] === '--help' || args[0] === '-h') {
    streams.stdout.write(overview());
    return 0;
  }
  const command = commands.find(({ words }) => words.every((word, index) => args[index] === word));
  if (!command) {
    streams.stderr.write(`knot: unknown command "${args.slice(0, 2).join(' ')}"\n\n${overview()}`);
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

/** The message and the cure; the cause only for what was not foreseen. */
export function describe(error: unknown): string {
  if (error instanceof KnotError) {
    return `${error.message}${error.remedy === undefined ? '' : `\n      ${error.remedy}`} (${error.code})`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function overview(): string {
  const start =
    '  start [--config FILE] [--data DIR] [--policies DIR] [--listen HOST:PORT] [--domain NAME] [--ops HOST:PORT] [--log pretty|json]';
  const lines = commands.map(
    ({ words, usage, summary }) => `  ${words.join(' ')} ${usage}`.trimEnd() + `\n      ${summary}`,
  );
  return `usage: knot <command>\n\n${start}\n      Starts the gateway (the default).\n${lines.join('\n')}\n\nEvery command takes the settings of start. Exit status: 0 done, 1 refused, 2 wrong usage.\n`;
}
