import { knotError } from '../lib/index.ts';
import { describeIntegration, integrationNames } from '../app/index.ts';
import { loadConfig } from '../config/index.ts';
import { type Command, table } from './command.ts';

export const integrationCommands: readonly Command[] = [
  {
    words: ['integrations', 'list'],
    usage: '[--json]',
    summary: 'Lists the tools that people reach through Knot.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run({ options, settings, streams }) {
      const tools = await integrationNames(loadConfig(settings).config);
      const rows = tools.map(({ name, title, address }) => [name, title, address]);
      const none = 'There are none: see `integrations` and `apps` in the configuration.';
      const text = rows.length === 0 ? none : table([['NAME', 'TITLE', 'ADDRESS'], ...rows]);
      streams.stdout.write(options['json'] === true ? `${JSON.stringify(tools, undefined, 2)}\n` : `${text}\n`);
    },
  },
  {
    words: ['integrations', 'show'],
    usage: 'NAME',
    summary: "Prints what belongs into the tool's own configuration.",
    options: {},
    positionals: [1, 1],
    async run({ positionals, settings, streams }) {
      const { config } = loadConfig(settings);
      const text = await describeIntegration(config, positionals[0]!);
      if (text === undefined) throw await noSuchIntegration(positionals[0]!, config);
      streams.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    },
  },
];

async function noSuchIntegration(name: string, config: ReturnType<typeof loadConfig>['config']) {
  const known = (await integrationNames(config)).map((tool) => tool.name).join(', ');
  return knotError('KNOT_CLI_NO_SUCH_INTEGRATION', 404, `There is no integration "${name}", or it is off.`, {
    remedy: `Known: ${known || 'none'}. See \`integrations\` and \`apps\` in the configuration.`,
  });
}
