import { describeConfig, exampleConfig, loadConfig } from '../config/index.ts';
import type { Command } from './command.ts';

export const configCommands: readonly Command[] = [
  {
    words: ['config', 'check'],
    usage: '[--config FILE]',
    summary: 'Reports every problem of the configuration with path, value and what is allowed.',
    options: {},
    positionals: [0, 0],
    async run({ settings, streams }) {
      const { file, warnings } = loadConfig(settings);
      for (const { path, message, line, column } of warnings) {
        streams.stderr.write(
          `warning: ${line === undefined ? '' : `${file}:${line}:${column ?? 1}: `}${path} ${message}\n`,
        );
      }
      streams.stdout.write(file ? `${file} is valid.\n` : 'No configuration file: the defaults are in force.\n');
    },
  },
  {
    words: ['config', 'example'],
    usage: '',
    summary: 'Prints every setting with its meaning and default.',
    options: {},
    positionals: [0, 0],
    async run({ streams }) {
      streams.stdout.write(exampleConfig());
    },
  },
  {
    words: ['config', 'show'],
    usage: '[--config FILE]',
    summary: 'Prints the configuration in force, secrets masked.',
    options: {},
    positionals: [0, 0],
    async run({ settings, streams }) {
      const { config, file, sources } = loadConfig(settings);
      const origins = Object.entries(sources).map(([key, source]) => `# ${key} comes from ${source}\n`);
      streams.stdout.write(`# ${file ?? 'no file: defaults'}\n${origins.join('')}${describeConfig(config)}`);
    },
  },
];
