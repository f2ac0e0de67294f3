/**
 * The entrance of the process: `start` (the default) runs the gateway, everything else is a command. The only file that
 * ends the process.
 */
import { setFlagsFromString } from 'node:v8';
import type { App } from './app.ts';
import { describe, parseInvocation, runCommand, UsageError } from './cli/index.ts';
import type { ConfigOverrides } from './config/index.ts';
import { listNames } from './lib/index.ts';

// A reader that is gone (`knot user list | head -1`, a terminal that was closed) is told by an event; unheard, it would end us.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// What Knot makes is for its own account, unless a module says otherwise.
process.umask(0o077);

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
const [command = 'start', ...rest] = process.argv.slice(2);

if (command === 'start') await serve(rest);
else if (command.startsWith('--') && command !== '--help' && command !== '--version') await serve([command, ...rest]);
else process.exit(await runCommand([command, ...rest], streams));

async function serve(args: string[]): Promise<void> {
  tuneMemory();
  const startedAt = performance.timeOrigin;
  let app: App;
  let settings: ConfigOverrides;
  let dataFolder: string;
  // Now, not when a restart is asked for: the files on the disk may be of another release by then.
  const { giveWay, stopForRestart } = await import('./app/index.ts');
  // Unheard, the signal would end a gateway that is just starting.
  process.on('SIGUSR2', () => undefined);
  try {
    ({ settings } = parseInvocation({ options: {}, positionals: [0, 0] }, args, streams));
    // Loaded only here: commands need little of it, and who is told of a wrong setting none of the servers.
    const { loadConfig } = await import('./config/index.ts');
    const loaded = loadConfig(settings);
    dataFolder = loaded.config.data;
    const { createApp } = await import('./app.ts');
    app = createApp(loaded, { startedAt });
    await app.start();
  } catch (error) {
    const usage = error instanceof UsageError ? '\n      `knot help` lists the flags.' : '';
    process.stderr.write(`knot: ${error instanceof UsageError ? error.message : describe(error)}${usage}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
  const stop = closeOnce(app);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  const isSure = askTwice(app);
  process.on('SIGINT', () => isSure() && stop('SIGINT'));
  let isRestarting = false;
  process.on('SIGUSR2', () => {
    if (isRestarting || stop.isStopping()) return;
    isRestarting = true;
    void stopForRestart(app, { settings, dataFolder, describe }).then((isStopped) => {
      isRestarting = isStopped;
      if (isStopped) giveWay();
    });
  });
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
function closeOnce(app: App): ((reason: string) => void) & { isStopping(): boolean } {
  let stoppingSince: number | undefined;
  const stop = (reason: string): void => {
    const now = performance.now();
    if (stoppingSince !== undefined) {
      if (now - stoppingSince > againMs) process.exit(1);
      return;
    }
    stoppingSince = now;
    const people = app.people();
    if (people.length > 0) app.log.warn({ people, reason }, 'stopping ends the notebook servers of these people');
    app
      .close()
      .then(() => process.exit(reason === 'error' ? 1 : 0))
      .catch((error: unknown) => {
        app.log.error({ err: error }, 'stopping failed');
        process.exit(1);
      });
  };
  return Object.assign(stop, { isStopping: () => stoppingSince !== undefined });
}

/** Signals this close together are one key. */
const againMs = 1000;

/**
 * In a terminal the first Ctrl-C asks when it would end what people run, and a second one within ten seconds means it. Says whether
 * to stop.
 */
function askTwice(app: App): () => boolean {
  const patienceMs = 10_000;
  let askedAt: number | undefined;
  return () => {
    const sinceAsked = askedAt === undefined ? Infinity : performance.now() - askedAt;
    if (sinceAsked <= againMs) return false;
    if (sinceAsked <= patienceMs || !process.stdin.isTTY) return true;
    const people = app.people();
    if (people.length === 0) return true;
    askedAt = performance.now();
    process.stderr.write(
      `\nknot: stopping ends the notebook servers of ${listNames(people)}. Press Ctrl-C again within ${patienceMs / 1000} s to stop all the same;\n` +
        '      `npx knot restart` starts Knot anew and keeps them.\n',
    );
    return false;
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
