import { type ComponentHealth, knotError } from '../lib/index.ts';
import { checkIntegration, describeIntegration, integrationNames } from '../app/index.ts';
import { loadConfig } from '../config/index.ts';
import { type Command, table } from './command.ts';

export const integrationCommands: readonly Command[] = [
  {
    words: ['integrations', 'list'],
    usage: '[--json]',
    summary: 'Lists the tools that take from Knot who asks.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run({ options, settings, streams }) {
      const tools = await integrationNames(loadConfig(settings).config);
      const rows = tools.map(({ name, title, address }) => [name, title, address]);
      const none =
        'There are none: see `integrations` and `apps` in the configuration. `knot routes list` shows the applications of kind `plain`, which need nothing of Knot.';
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
  {
    words: ['integrations', 'check'],
    usage: 'NAME [--json]',
    summary: 'Asks a running tool whether it is set up as Knot needs it, and says what is wrong. Changes nothing.',
    options: { json: { type: 'boolean' } },
    positionals: [1, 1],
    async run({ positionals, options, settings, streams }) {
      const { config } = loadConfig(settings);
      const findings = await checkIntegration(config, positionals[0]!);
      if (findings === undefined) throw await noSuchIntegration(positionals[0]!, config);
      if (options['json'] === true) streams.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
      else streams.stdout.write(textOf(findings));
      const failed = findings.filter(({ status }) => status === 'failed');
      if (failed.length === 0) return;
      throw knotError('KNOT_CLI_INTEGRATION_WRONG', 409, `${positionals[0]} is not set up as Knot needs it.`, {
        remedy: failed.map(({ remedy }) => remedy).find((remedy) => remedy !== undefined) ?? 'See above.',
      });
    },
  },
];

const marks = { ok: 'ok', working: '…', warning: 'note', failed: 'WRONG' } as const;

function textOf(findings: readonly ComponentHealth[]): string {
  if (findings.length === 0)
    return 'Knot has no questions to this tool; its tile and the page Health say whether it answers.\n';
  return findings
    .map(({ name, status, message, remedy }) => {
      const what = `${marks[status].padEnd(5)}  ${name}: ${message}\n`;
      return remedy === undefined || status === 'ok' ? what : `${what}       ${remedy}\n`;
    })
    .join('');
}

async function noSuchIntegration(name: string, config: ReturnType<typeof loadConfig>['config']) {
  if (config.apps.some((app) => app.name === name && app.kind === 'plain')) {
    const message = `"${name}" is an application of kind \`plain\`: nothing of Knot's belongs into its configuration.`;
    return knotError('KNOT_CLI_NO_SUCH_INTEGRATION', 404, message, {
      remedy: 'Its tile and the page Health say whether it answers; `knot routes list` how it is reached.',
    });
  }
  const known = (await integrationNames(config)).map((tool) => tool.name).join(', ');
  return knotError('KNOT_CLI_NO_SUCH_INTEGRATION', 404, `There is no integration "${name}", or it is off.`, {
    remedy: `Known: ${known || 'none'}. See \`integrations\` and \`apps\` in the configuration.`,
  });
}
