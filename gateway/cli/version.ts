import type { Command } from './command.ts';

export const versionCommands: readonly Command[] = [
  {
    words: ['version'],
    usage: '',
    summary: 'Prints the version of Knot and of the Node it runs on; so does --version.',
    options: {},
    positionals: [0, 0],
    async run({ streams }) {
      const { version } = await import('../app/index.ts');
      streams.stdout.write(`knot ${version} (Node ${process.versions.node})\n`);
    },
  },
];
