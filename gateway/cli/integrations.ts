import { knotError } from '../lib/index.ts';
import { describeIntegration } from '../app/index.ts';
import { loadConfig } from '../config/index.ts';
import type { Command } from './command.ts';

export const integrationCommands: readonly Command[] = [
  {
    words: ['integrations', 'show'],
    usage: 'NAME',
    summary: "Prints what belongs into the tool's own configuration.",
    options: {},
    positionals: [1, 1],
    async run({ positionals, settings, streams }) {
      const text = await describeIntegration(loadConfig(settings).config, positionals[0]!);
      if (text === undefined) {
        throw knotError(
          'KNOT_CLI_NO_SUCH_INTEGRATION',
          404,
          `There is no integration "${positionals[0]}", or it is off.`,
          { remedy: 'Known: jupyterhub. See `integrations` in the configuration.' },
        );
      }
      streams.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    },
  },
];
