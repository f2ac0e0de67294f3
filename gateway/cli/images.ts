import { printable } from '../lib/index.ts';
import type { Command } from './command.ts';
import { elsewhereOptions, elsewhereUsage, withApi } from './elsewhere/which.ts';

const words: Record<string, string> = {
  absent: 'Docker has no login for it.',
  written: 'Docker fetches your images with it, and it is renewed by itself.',
  other: 'It has a login that you made there yourself.',
};

/** What can be done with images by a command: programs do the rest (docker, podman, skopeo, helm). */
export const imageCommands: readonly Command[] = [
  {
    words: ['images', 'login'],
    usage: `[--show | --remove] [--json] ${elsewhereUsage}`,
    summary:
      'Writes a login that fetches your images into .docker/config.json of your files, on the Knot you signed in to; --remove takes it out.',
    options: {
      ...elsewhereOptions,
      show: { type: 'boolean' },
      remove: { type: 'boolean' },
      json: { type: 'boolean' },
    },
    positionals: [0, 0],
    run: (invocation) =>
      withApi(invocation, async (api) => {
        const { options, streams } = invocation;
        const method = options['show'] === true ? 'GET' : options['remove'] === true ? 'DELETE' : 'PUT';
        const found = await api.json('/api/v1/images/docker-login', { method });
        const [path, registry, state] = ['path', 'registry', 'state'].map((key) => printable(String(found[key])));
        const text = `${path}, ${registry}: ${words[state!] ?? state}`;
        streams.stdout.write(`${options['json'] === true ? JSON.stringify(found) : text}\n`);
      }),
  },
];
