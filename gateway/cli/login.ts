import { setTimeout as delay } from 'node:timers/promises';
import { knotError } from '../lib/index.ts';
import type { Command } from './command.ts';
import { readCa } from './elsewhere/access.ts';
import { findCredential, forgetCredential, keepCredential } from './elsewhere/credentials.ts';
import { accessTo, askForCode, originOf, pollForTokens, revoke, whoAmI } from './elsewhere/sign-in.ts';

const slowerMs = 5_000;

export const loginCommands: readonly Command[] = [
  {
    words: ['login'],
    usage: 'https://DOMAIN [--ca FILE]',
    summary: 'Signs this machine in to a Knot elsewhere: shows a code that you enter in your browser there.',
    options: { ca: { type: 'string' } },
    positionals: [1, 1],
    async run({ positionals, options, streams }) {
      const origin = originOf(positionals[0]!);
      const ca = typeof options['ca'] === 'string' ? readCa(options['ca']) : undefined;
      const place = { origin, ca };
      const { userCode, address, deviceCode, intervalMs, expiresInMs } = await askForCode(place);
      streams.stdout.write(`Open ${address} in your browser and enter this code:\n\n    ${userCode}\n\nWaiting …\n`);
      const endsAt = Date.now() + expiresInMs;
      for (let pause = intervalMs; Date.now() < endsAt;) {
        await delay(pause);
        const answer = await pollForTokens(place, deviceCode);
        if (answer === 'slower') pause += slowerMs;
        if (typeof answer === 'string') continue;
        const username = await whoAmI(place, answer.accessToken);
        keepCredential(origin, { ...answer, username });
        streams.stdout.write(`You are signed in at ${origin} as ${username}.\n`);
        return;
      }
      throw knotError('KNOT_CLI_LOGIN', 410, 'Nobody entered the code in time.', { remedy: 'Run `knot login` again.' });
    },
  },
];

export const logoutCommands: readonly Command[] = [
  {
    words: ['logout'],
    usage: '[https://DOMAIN]',
    summary: 'Ends what `knot login` was given, there and on this machine.',
    options: {},
    positionals: [0, 1],
    async run({ positionals, streams }) {
      const typed = positionals[0];
      const { origin, credential } = findCredential(typed === undefined ? undefined : originOf(typed));
      let problem: unknown;
      try {
        await revoke({ origin, ca: credential.ca }, credential.refreshToken);
      } catch (error) {
        problem = error;
      }
      forgetCredential(origin);
      if (problem !== undefined) {
        throw knotError('KNOT_CLI_LOGOUT', 502, `${origin} could not be told; this machine has forgotten it.`, {
          cause: problem,
          remedy: 'End it there among your connected applications.',
        });
      }
      streams.stdout.write(`You are signed out of ${origin}.\n`);
    },
  },
];

export const whoCommands: readonly Command[] = [
  {
    words: ['whoami'],
    usage: '[https://DOMAIN]',
    summary: 'Says as whom this machine is signed in to a Knot elsewhere.',
    options: {},
    positionals: [0, 1],
    async run({ positionals, streams }) {
      const { accessToken, ...place } = await accessTo(positionals[0]);
      streams.stdout.write(`${await whoAmI(place, accessToken)} at ${place.origin}\n`);
    },
  },
];
