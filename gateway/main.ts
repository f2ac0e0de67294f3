/**
 * The entrance of the process: `start` (the default) runs the gateway, everything else is a command. The only file that
 * ends the process.
 */
import { setFlagsFromString } from 'node:v8';
import type { App } from './app.ts';
import { describe, parseInvocation, runCommand, UsageError } from './cli/index.ts';
import { loadConfig } from './config/index.ts';

// A reader that is gone (`knot user list | head -1`, a terminal that was closed) is told by an event; unheard, it would end us.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// What Knot makes is for its own account, unless a module says otherwise.
process.umask(0o077);

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
const [command = 'start', ...rest] = process.argv.slice(2);

if (command === 'start') await serve(rest);
else if (command.startsWith('--') && command !== '--help') await serve([command, ...rest]);
else process.exit(await runCommand([command, ...rest], streams));

async function serve(args: string[]): Promise<void> {
  tuneMemory();
  const startedAt = performance.timeOrigin;
  let app: App;
  try {
    const { settings } = parseInvocation({ options: {}, positionals: [0, 0] }, args, streams);
    // Loaded only here: a command needs none of the servers.
    const { createApp } = await import('./app.ts');
    app = createApp(loadConfig(settings), { startedAt });
    await app.start();
  } catch (error) {
    const usage = error instanceof UsageError ? '\n      `knot help` lists the flags.' : '';
    process.stderr.write(`knot: ${error instanceof UsageError ? error.message : describe(error)}${usage}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
  const stop = closeOnce(app);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  // The process that started us is gone, in whatever way: leave nothing behind.
  process.on('disconnect', () => stop('parent'));
  process.channel?.unref();
  process.on('unhandledRejection', (error) => app.log.error({ err: error }, 'a promise was left alone'));
  process.on('uncaughtException', (error) => {
    app.log.error({ err: error }, 'an error nobody caught; stopping');
    stop('error');
  });
}

/** A terminal sends Ctrl-C to every process of the group, so the same signal arrives twice; later ones end at once. */
function closeOnce(app: { close(): Promise<void>; log: { error(fields: object, message: string): void } }) {
  const againMs = 1000;
  let stoppingSince: number | undefined;
  return (reason: string): void => {
    const now = performance.now();
    if (stoppingSince !== undefined) {
      if (now - stoppingSince > againMs) process.exit(1);
      return;
    }
    stoppingSince = now;
    app
      .close()
      .then(() => process.exit(reason === 'error' ? 1 : 0))
      .catch((error: unknown) => {
        app.log.error({ err: error }, 'stopping failed');
        process.exit(1);
      });
  };
}

/**
 * Buffers of bodies passing through count as external memory, and V8 otherwise answers each few MiB of them with a full
 * collection: a third of the processor time of a large transfer (`proxy/BENCHMARKS.md`). Older engines do not know the flag.
 */
function tuneMemory(): void {
  if (Number(process.versions.node.split('.')[0]) >= 26) {
    setFlagsFromString('--external-memory-accounted-in-global-limit');
  }
}
