/* eslint-disable @typescript-eslint/no-explicit-any -- answers are read as they come */
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { openHouse } from '../../oidc/support/house.ts';
import { createRelyingParty } from '../../oidc/support/relying-party.ts';
import { skopeoMissing } from '../tools.ts';
import { registryMissing, startHarbor } from './harbor.ts';

export const real = process.env['KNOT_REAL_HARBOR'];
export const needsClients = registryMissing() ?? skopeoMissing() ?? false;

export type Answered = { status: number; headers: Headers; body: any; text: string };

/** The API as somebody with a password. */
export function apiOf(origin: string, [name, password]: readonly [string, string]) {
  return async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered> => {
    const answer = await fetch(`${origin}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(name !== '' && { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '') && text !== '';
    return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
}

export async function open(t: Test, options: Parameters<typeof startHarbor>[0] = { withRegistry: false }) {
  if (real !== undefined) {
    const url = new URL(real);
    const admin = apiOf(url.origin, [url.username, decodeURIComponent(url.password)]);
    return { origin: url.origin, admin, harbor: undefined };
  }
  const harbor = await startHarbor(options);
  t.teardown(harbor.stop);
  return { origin: harbor.origin, admin: apiOf(harbor.origin, ['admin', harbor.adminPassword]), harbor };
}

export const uniqueName = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;
export const v2 = '/api/v2.0';
export const isNamed = { 'x-is-resource-name': 'true' };

/**
 * A Harbor whose people are those of a real provider of Knot. A real installation must reach this machine at `localhost`, where the provider
 * is; what an earlier run left of these people is taken out of it first.
 */
export async function openSignedIn(t: Test, options: Parameters<typeof startHarbor>[0] = { withRegistry: false }) {
  const { admin, harbor, origin } = await open(t, options);
  harbor?.setExternalUrl('https://harbor.localhost');
  const outside = String((await admin('GET', `${v2}/systeminfo`)).body.external_url);
  const client = {
    ...{ clientId: 'harbor', title: 'Images', secret: 'harbor-secret-0123456789' },
    ...{ redirectUris: [`${outside}/c/oidc/callback`], postLogoutRedirectUris: [`${outside}/account/sign-in`] },
  };
  const house = await openHouse(t, { integrationClients: [client] });
  harbor?.trust(house.ca);
  if (harbor === undefined) await removeLeft(admin);
  const settings = {
    ...{ auth_mode: 'oidc_auth', oidc_name: 'Knot', oidc_endpoint: house.issuer, oidc_client_id: 'harbor' },
    ...{ oidc_client_secret: client.secret, oidc_scope: 'openid,profile,email,groups,offline_access' },
    ...{ oidc_user_claim: 'preferred_username', oidc_groups_claim: 'groups', oidc_admin_group: 'knot-admins' },
    // A real one was not told of the authority of this test.
    ...{ oidc_auto_onboard: true, oidc_logout: true, oidc_verify_cert: harbor !== undefined },
  };
  const pinged = { url: house.issuer, verify_cert: harbor !== undefined };
  t.equal((await admin('POST', `${v2}/system/oidc/ping`, pinged)).status, 200);
  t.equal((await admin('PUT', `${v2}/configurations`, settings)).status, 200);

  const personNamed = async (username: string) =>
    (await house.accounts.findUserByName(username)) ?? (await house.person(username, username === 'carl'));

  /** Signs somebody in as their browser would; what Harbor answers to its callback, and the cookie they have then. */
  async function signIn(username: string, change: (callback: string) => string = (url) => url) {
    const user = await personNamed(username);
    const browser = house.browser();
    await house.signIn(browser, user);
    const begun = await fetch(`${origin}/c/oidc/login?redirect_url=/harbor/projects`, { redirect: 'manual' });
    t.equal(begun.status, 302);
    const before = sessionIn(begun)!;
    const page = await browser.go(begun.headers.get('location')!, (url) => url.startsWith(outside));
    const back = change(page.location!).replace(outside, origin);
    const answer = await fetch(back, { redirect: 'manual', headers: { cookie: before } });
    return { answer, before, cookie: sessionIn(answer) ?? before, user };
  }

  /** What the provider says of somebody to Harbor. */
  async function idTokenOf(username: string): Promise<string> {
    const browser = house.browser();
    await house.signIn(browser, await personNamed(username));
    const as = { id: 'harbor', secret: client.secret, redirectUri: client.redirectUris[0]! };
    return (await createRelyingParty(house, as).tokens(browser)).id_token!;
  }

  /** As an administrator sees somebody. */
  async function userNamed(username: string) {
    const found = (await admin('GET', `${v2}/users/search?username=${username}`)).body;
    const { user_id } = found.find((one: { username: string }) => one.username === username);
    return (await admin('GET', `${v2}/users/${user_id}`)).body;
  }
  return { house, admin, harbor, origin, signIn, idTokenOf, userNamed };
}

const sessionIn = (answer: Response): string | undefined =>
  answer.headers
    .getSetCookie()
    .find((line) => line.startsWith('sid='))
    ?.split(';')[0];

/** Takes the people of these tests and their projects out of an installation. */
export async function removeLeft(admin: ReturnType<typeof apiOf>): Promise<void> {
  for (const name of ['ann', 'bob', 'carl', 'dora']) {
    await removeProject(admin, name);
    const found = (await admin('GET', `${v2}/users/search?username=${name}`)).body as Record<string, unknown>[];
    for (const { username, user_id } of found)
      if (username === name) await admin('DELETE', `${v2}/users/${user_id as number}`);
  }
}

/** With all that is in it; also where there is none. */
export async function removeProject(admin: ReturnType<typeof apiOf>, name: string): Promise<void> {
  const path = `${v2}/projects/${name}`;
  const { status, body } = await admin('GET', `${path}/repositories?page_size=100`);
  for (const repository of status === 200 ? (body as { name: string }[]) : []) {
    const below = encodeURIComponent(encodeURIComponent(repository.name.slice(name.length + 1)));
    await admin('DELETE', `${path}/repositories/${below}`);
  }
  await admin('DELETE', path);
}
