import {
  backchannelUriProblem,
  clientIdPattern,
  hiddenCharacter,
  knotError,
  limits,
  redirectUriProblem,
  secretProblem,
} from '../lib/index.ts';
import type { ClientFacts } from './metadata.ts';

type FieldProblem = { field: string; message: string; code: string };

const idPattern = new RegExp(clientIdPattern);
/** `knot-admins`, `knot:team:genomics`, `knot:user:ann`. */
const groupPattern = /^[\x21-\x7e]{1,120}$/;
const mostAddresses = 50;

/**
 * Refuses a client that somebody enters by hand with everything that is wrong, in `details.problems`, each at its field.
 * @throws KNOT_OIDC_CLIENT_INPUT; where one thing is wrong KNOT_OIDC_CLIENT_NAME, KNOT_OIDC_REDIRECT_URI, KNOT_OIDC_CLIENT_SECRET
 */
export function checkClient(client: ClientFacts): void {
  const isPublic = client.secret === undefined;
  const problems: FieldProblem[] = [];
  const add = (field: string, code: string, message: string | undefined) =>
    message === undefined ? undefined : problems.push({ field, code, message });

  const isNamed =
    client.name.trim() !== '' && client.name.length <= limits.clientName && !hiddenCharacter.test(client.name);
  add(
    'name',
    'KNOT_OIDC_CLIENT_NAME',
    isNamed ? undefined : `must have 1 to ${limits.clientName} visible characters on one line`,
  );
  if (!idPattern.test(client.clientId)) {
    // Who gave no id gave a name that makes none.
    add('clientId', 'KNOT_OIDC_CLIENT_NAME', 'must have 1 to 80 letters, digits, dots, dashes or underscores');
  }
  if (client.redirectUris.length === 0) add('redirectUris', 'KNOT_OIDC_REDIRECT_URI', 'must name at least one address');
  const addresses: [string, readonly string[], typeof redirectUriProblem][] = [
    ['redirectUris', client.redirectUris, redirectUriProblem],
    ['postLogoutRedirectUris', client.postLogoutRedirectUris ?? [], redirectUriProblem],
    ['backchannelLogoutUri', [client.backchannelLogoutUri ?? []].flat(), backchannelUriProblem],
  ];
  for (const [field, uris, problemOf] of addresses) {
    if (uris.length > mostAddresses) add(field, 'KNOT_OIDC_REDIRECT_URI', `must be at most ${mostAddresses} addresses`);
    for (const uri of uris.slice(0, mostAddresses)) {
      const problem = problemOf(uri, isPublic);
      if (problem !== undefined) add(field, 'KNOT_OIDC_REDIRECT_URI', `${problem}, but it is "${uri.slice(0, 200)}"`);
    }
  }
  const badGroup = client.allowedGroups?.find((group) => !groupPattern.test(group));
  if (badGroup !== undefined) add('allowedGroups', 'KNOT_OIDC_CLIENT_INPUT', 'must be names of groups without spaces');
  if (client.secret !== undefined)
    add('secret', 'KNOT_OIDC_CLIENT_SECRET', secretProblem(client.secret) ?? weakness(client.secret));
  refuse(problems);
}

/** Whoever chooses a secret by hand must not choose one that can be guessed. */
export function checkSecret(secret: string): void {
  const problem = secretProblem(secret) ?? weakness(secret);
  if (problem !== undefined) refuse([{ field: 'secret', code: 'KNOT_OIDC_CLIENT_SECRET', message: problem }]);
}

const weakness = (secret: string): string | undefined =>
  secret.length < 16 ? 'must have at least 16 characters' : undefined;

function refuse(problems: readonly FieldProblem[]): void {
  const [first] = problems;
  if (!first) return;
  const code = problems.every((problem) => problem.code === first.code) ? first.code : 'KNOT_OIDC_CLIENT_INPUT';
  const sentences = problems.map(({ field, message }) => `${field} ${message}`);
  throw knotError(code, 400, `The client cannot be registered: ${sentences.join('; ')}.`, {
    details: {
      problems: Object.entries(Object.groupBy(problems, ({ field }) => field)).map(([field, all]) => ({
        field,
        message: all!.map(({ message }) => message).join('; '),
      })),
    },
  });
}

/** `My App` → `my-app`. */
export function clientIdFrom(name: string): string {
  if (idPattern.test(name)) return name;
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 80);
}
