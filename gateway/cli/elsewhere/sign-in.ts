import { knotError } from '../../lib/index.ts';
import { ask, jsonOf, openLine, type Origin } from './ask.ts';
import { type Credential, findCredential, keepCredential } from './credentials.ts';

/** The client that every Knot has for its command line (oidc/device.ts). */
const clientId = 'knot-cli';
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
/** An access token is renewed this long before it ends. */
const aheadMs = 60_000;

type Answer = { status: number; body: Record<string, unknown> };

/** One request with a small answer. */
async function send(
  place: Origin,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const line = openLine(place);
  try {
    const answer = await ask(place, line, path, options);
    return { status: answer.statusCode ?? 0, body: await jsonOf(answer) };
  } finally {
    line.destroy();
  }
}

const form = (fields: Record<string, string>) => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({ client_id: clientId, ...fields }).toString(),
});

const textAt = (body: Record<string, unknown>, name: string): string => {
  const value = body[name];
  return typeof value === 'string' ? value : '';
};

/** @throws KNOT_CLI_ADDRESS for what is no https origin */
export function originOf(typed: string): string {
  const url = URL.parse(typed.includes('://') ? typed : `https://${typed}`);
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.username === '') return url.origin;
  throw knotError('KNOT_CLI_ADDRESS', 400, `"${typed}" is not the address of a Knot.`, {
    remedy: 'Write https://DOMAIN, as in the browser.',
  });
}

export type DeviceCode = {
  userCode: string;
  address: string;
  deviceCode: string;
  intervalMs: number;
  expiresInMs: number;
};

/** Asks for a code that the person enters in a browser (RFC 8628 section 3.1). */
export async function askForCode(place: Origin): Promise<DeviceCode> {
  const { status, body } = await send(
    place,
    '/oidc/device/auth',
    form({ scope: 'openid profile groups offline_access' }),
  );
  const [userCode, address, deviceCode] = ['user_code', 'verification_uri', 'device_code'].map((name) =>
    textAt(body, name),
  );
  if (status !== 200 || !userCode || !deviceCode || !address?.startsWith(`${place.origin}/`)) {
    throw knotError('KNOT_CLI_LOGIN', 502, `${place.origin} did not answer as a Knot does (${status}).`, {
      remedy: status === 429 ? 'Too many ask at once; wait some minutes.' : 'Check the address.',
    });
  }
  const seconds = (name: string, usual: number) => (typeof body[name] === 'number' ? body[name] : usual) * 1000;
  return { userCode, address, deviceCode, intervalMs: seconds('interval', 5), expiresInMs: seconds('expires_in', 600) };
}

/**
 * Asks once whether the person has said yes (RFC 8628 section 3.5).
 * @throws KNOT_CLI_LOGIN when they said no, or too late
 */
export async function pollForTokens(
  place: Origin,
  deviceCode: string,
): Promise<'wait' | 'slower' | Omit<Credential, 'username'>> {
  const { status, body } = await send(place, '/oidc/token', form({ grant_type: deviceGrant, device_code: deviceCode }));
  if (status === 200) return credentialOf(place, body);
  switch (body['error']) {
    case 'authorization_pending':
      return 'wait';
    case 'slow_down':
      return 'slower';
    case 'access_denied':
      throw knotError('KNOT_CLI_LOGIN', 403, 'It was not allowed.');
    default:
      throw knotError('KNOT_CLI_LOGIN', 410, 'The code is not valid any more.', { remedy: 'Run `knot login` again.' });
  }
}

function credentialOf({ ca }: Origin, body: Record<string, unknown>): Omit<Credential, 'username'> {
  const lifetime = typeof body['expires_in'] === 'number' ? body['expires_in'] * 1000 : 0;
  return {
    accessToken: textAt(body, 'access_token'),
    refreshToken: textAt(body, 'refresh_token'),
    expiresAt: Date.now() + lifetime,
    ...(textAt(body, 'id_token') !== '' && { idToken: textAt(body, 'id_token') }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** Who the credential stands for. */
export async function whoAmI(place: Origin, accessToken: string): Promise<string> {
  const { status, body } = await send(place, '/api/v1/me', { headers: { authorization: `Bearer ${accessToken}` } });
  const user = body['user'] as { username?: string } | undefined;
  if (status === 200 && user?.username !== undefined) return user.username;
  throw knotError('KNOT_CLI_LOGIN', 502, `${place.origin} did not say who is signed in (${status}).`);
}

/** Ends the credential there; what cannot be reached is told, and forgotten here all the same. */
export async function revoke(place: Origin, refreshToken: string): Promise<void> {
  await send(place, '/oidc/token/revocation', form({ token: refreshToken, token_type_hint: 'refresh_token' }));
}

/**
 * An access token for the Knot that is signed in to, renewed when it is nearly over; the renewed credential is kept.
 * @throws KNOT_CLI_SIGNED_OUT when there is none, or it was ended
 */
export async function accessTo(typed?: string): Promise<Origin & { accessToken: string }> {
  const { origin, credential } = findCredential(typed === undefined ? undefined : originOf(typed));
  const place = { origin, ca: credential.ca };
  if (credential.expiresAt - aheadMs > Date.now()) return { ...place, accessToken: credential.accessToken };
  const { accessToken } = await renewed(place, credential);
  return { ...place, accessToken };
}

/**
 * An ID token (OpenID Connect Core 1.0 section 2) of the Knot that is signed in to, for an API server that trusts it, with its end in
 * milliseconds; renewed when it is nearly over.
 * @throws KNOT_CLI_SIGNED_OUT when there is none, or it was ended
 */
export async function identityAt(typed?: string): Promise<{ idToken: string; expiresAt: number }> {
  const { origin, credential } = findCredential(typed === undefined ? undefined : originOf(typed));
  const kept = endOf(credential.idToken);
  if (kept !== undefined && kept - aheadMs > Date.now()) return { idToken: credential.idToken!, expiresAt: kept };
  const { idToken } = await renewed({ origin, ca: credential.ca }, credential);
  const expiresAt = endOf(idToken);
  if (expiresAt !== undefined) return { idToken: idToken!, expiresAt };
  throw signedOut(origin);
}

/** What a token says of its end; whoever is shown it checks the rest. */
function endOf(token: string | undefined): number | undefined {
  const payload = token?.split('.')[1];
  if (payload === undefined) return undefined;
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
  return typeof exp === 'number' ? exp * 1000 : undefined;
}

async function renewed(place: Origin, credential: Credential): Promise<Credential> {
  const { status, body } = await send(
    place,
    '/oidc/token',
    form({ grant_type: 'refresh_token', refresh_token: credential.refreshToken }),
  );
  if (status !== 200) throw signedOut(place.origin);
  const found = { ...credentialOf(place, body), username: credential.username };
  keepCredential(place.origin, found);
  return found;
}

const signedOut = (origin: string) =>
  knotError('KNOT_CLI_SIGNED_OUT', 401, `You are not signed in at ${origin} any more.`, {
    remedy: `Run \`knot login ${origin}\`.`,
  });
