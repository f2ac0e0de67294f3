import { readFileSync } from 'node:fs';
import { knotError } from '../../lib/index.ts';
import { UsageError } from '../command.ts';
import type { Origin } from './ask.ts';
import { findCredential } from './credentials.ts';
import { accessTo, originOf } from './sign-in.ts';

/** A Knot elsewhere, and what is shown there. */
export type Access = Origin & {
  /** Asked before each request: what `knot login` was given is renewed while a long command runs. */
  token(): Promise<string>;
  /** Under whose name what is kept on this machine belongs together; no secret. */
  who: string;
};

type Given = { at?: unknown; ca?: unknown };

/**
 * The Knot that a command works on: that of --at or KNOT_URL, else the one that was signed in to last. A personal token from
 * KNOT_TOKEN_FILE or KNOT_TOKEN goes before what `knot login` was given, and only to an address that was named with it: it is never
 * sent somewhere by accident, nor read from arguments, which other people of the machine see.
 * @throws KNOT_CLI_SIGNED_OUT, KNOT_CLI_ADDRESS, KNOT_CLI_TOKEN, KNOT_CLI_CA_FILE
 */
export function openAccess(given: Given, environment: NodeJS.ProcessEnv = process.env): Access {
  const typed = textOr(given.at, environment['KNOT_URL']);
  const origin = typed === undefined ? undefined : originOf(typed);
  const caFile = textOr(given.ca, environment['KNOT_CA_FILE']);
  const ca = caFile === undefined ? undefined : readCa(caFile);
  const token = tokenOf(environment);
  if (token !== undefined) {
    if (origin === undefined)
      throw new UsageError('a token needs the address of its Knot: --at https://DOMAIN or KNOT_URL');
    return { origin, ca, who: `token …${token.slice(-4)}`, token: async () => token };
  }
  const found = findCredential(origin);
  const at = { origin: found.origin, ca: ca ?? found.credential.ca };
  let asked: Promise<string> | undefined;
  return {
    ...at,
    who: found.credential.username,
    // Many requests at once renew it once.
    token: () =>
      (asked ??= accessTo(at.origin)
        .then(({ accessToken }) => accessToken)
        .finally(() => (asked = undefined))),
  };
}

const textOr = (first: unknown, second: string | undefined): string | undefined =>
  [first, second].find((value): value is string => typeof value === 'string' && value !== '');

function tokenOf(environment: NodeJS.ProcessEnv): string | undefined {
  const file = textOr(environment['KNOT_TOKEN_FILE'], undefined);
  const token = (file === undefined ? environment['KNOT_TOKEN'] : readToken(file))?.trim();
  if (token === undefined || token === '') return undefined;
  if (/^knot_pat_[0-9A-Za-z]+$/.test(token)) return token;
  throw knotError('KNOT_CLI_TOKEN', 400, `${file === undefined ? 'KNOT_TOKEN' : file} holds no personal token.`, {
    remedy: 'It begins with knot_pat_ and is alone there. Make one on the page Tokens, or with `knot token add`.',
  });
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw knotError('KNOT_CLI_TOKEN', 400, `The file ${file} of KNOT_TOKEN_FILE cannot be read.`, { cause: error });
  }
}

export function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw knotError('KNOT_CLI_CA_FILE', 400, `The file ${file} cannot be read.`, {
      cause: error,
      remedy: 'Name the PEM file of the authority that signed the certificate.',
    });
  }
}
