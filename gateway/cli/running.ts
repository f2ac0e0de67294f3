import { setTimeout as delay } from 'node:timers/promises';
import { readRun, type RunRecord } from '../app/index.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { peopleWithServers } from '../integrations/index.ts';
import { knotError, listNames } from '../lib/index.ts';
import type { Command } from './command.ts';

export const runningCommands: readonly Command[] = [
  {
    words: ['status'],
    usage: '',
    summary: 'Says which gateway runs on the data folder, and who has a notebook server running.',
    options: {},
    positionals: [0, 0],
    async run({ settings, streams }) {
      const { config } = loadConfig(settings);
      const { process, startedAt, origin } = running(config);
      const since = new Date(startedAt).toISOString();
      streams.stdout.write(
        `${origin === undefined ? 'Knot is starting' : `Knot answers at ${origin}`}; process ${process.pid}, since ${since}.\n${describePeople(config)}\n`,
      );
    },
  },
];

export const restartCommands: readonly Command[] = [
  {
    words: ['restart'],
    usage: '',
    summary: 'Starts the running gateway anew with its present configuration; notebook servers go on.',
    options: {},
    positionals: [0, 0],
    async run({ settings, streams }) {
      // Its problems are told here first: the gateway refuses them as well, with what it was started with.
      const { config } = loadConfig(settings);
      const before = running(config);
      const askedAt = Date.now();
      process.kill(before.process.pid, 'SIGUSR2');
      const after = await nextRun(config, before, askedAt);
      streams.stdout.write(`Knot was started anew and answers at ${after.origin}.\n${describePeople(config)}\n`);
    },
  },
];

/** @throws KNOT_CLI_NOT_RUNNING */
export function running(config: Config): RunRecord {
  const run = readRun(config.data);
  if (run) return run;
  throw knotError('KNOT_CLI_NOT_RUNNING', 409, `No gateway of this machine is known to run on ${config.data}.`, {
    remedy:
      'Name its settings (--config, --data) as it was started with. On a system without /proc send SIGUSR2 to the process instead.',
  });
}

/** Waits until the gateway has come back, or has said that it does not go. */
async function nextRun(config: Config, before: RunRecord, askedAt: number): Promise<RunRecord> {
  const patienceMs = 120_000;
  while (Date.now() - askedAt < patienceMs) {
    const now = readRun(config.data);
    if (now && now.startedAt !== before.startedAt && now.origin !== undefined) return now;
    if (now?.refused && now.refused.at >= askedAt) {
      throw knotError('KNOT_CLI_RESTART_REFUSED', 409, `The gateway goes on as it was: ${now.refused.reason}`);
    }
    await delay(100);
  }
  throw knotError('KNOT_CLI_NOT_BACK', 504, 'The gateway has not come back within two minutes.', {
    remedy: 'Its log says why. Start it again: notebook servers wait for it for three minutes, then they end.',
  });
}

function describePeople({ data }: Config): string {
  const people = peopleWithServers(data);
  return people.length === 0
    ? 'Nobody has a notebook server running.'
    : `Notebook servers run of ${listNames(people, 50)}. Stopping Knot ends them; \`knot restart\` keeps them.`;
}
