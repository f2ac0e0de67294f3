/* eslint-disable @typescript-eslint/no-explicit-any -- answers are read as they come */
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { openHouse } from '../../oidc/support/house.ts';
import { skopeoMissing } from '../tools.ts';
import { type ContractHarbor, registryMissing, startHarbor } from './harbor.ts';

export const real = process.env['KNOT_REAL_HARBOR'];
export const needsOwn = real === undefined ? false : 'needs a Harbor of its own, with the issuer of this test';
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
    const password = decodeURIComponent(url.password);
    return { origin: url.origin, admin: apiOf(url.origin, [url.username, password]), harbor: undefined };
  }
  const harbor = await startHarbor(options);
  t.teardown(harbor.stop);
  return { origin: harbor.origin, admin: apiOf(harbor.origin, ['admin', harbor.adminPassword]), harbor };
}

export const uniqueName = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;
export const v2 = '/api/v2.0';
export const isNamed = { 'x-is-resource-name': 'true' };

/** A Harbor whose people are those of a real provider of Knot. */
export async function openSignedIn(t: Test, options: Parameters<typeof startHarbor>[0] = { withRegistry: false }) {
  const outside = 'https://harbor.localhost';
  const client = {
    ...{ clientId: 'harbor', title: 'Images', secret: 'harbor-secret-0123456789' },
    ...{ redirectUris: [`${outside}/c/oidc/callback`], postLogoutRedirectUris: [`${outside}/account/sign-in`] },
  };
  const house = await openHouse(t, { integrationClients: [client] });
  const { admin, harbor, origin } = (await open(t, options)) as {
    admin: ReturnType<typeof apiOf>;
    harbor: ContractHarbor;
    origin: string;
  };
  harbor.setExternalUrl(outside);
  harbor.trust(house.ca);
  const settings = {
    ...{ auth_mode: 'oidc_auth', oidc_name: 'Knot', oidc_endpoint: house.issuer, oidc_client_id: 'harbor' },
    ...{ oidc_client_secret: client.secret, oidc_scope: 'openid,profile,email,groups,offline_access' },
    ...{ oidc_user_claim: 'preferred_username', oidc_groups_claim: 'groups', oidc_admin_group: 'knot-admins' },
    ...{ oidc_auto_onboard: true, oidc_logout: true },
  };
  t.equal((await admin('POST', `${v2}/system/oidc/ping`, { url: house.issuer, verify_cert: true })).status, 200);
  t.equal((await admin('PUT', `${v2}/configurations`, settings)).status, 200);

  /** Signs somebody in as their browser would; what Harbor answers to its callback, and its cookie. */
  async function signIn(username: string, change: (callback: string) => string = (url) => url) {
    const known =
      (await house.accounts.findUserByName(username)) ?? (await house.person(username, username === 'carl'));
    const browser = house.browser();
    await house.signIn(browser, known);
    const begun = await fetch(`${origin}/c/oidc/login?redirect_url=/harbor/projects`, { redirect: 'manual' });
    t.equal(begun.status, 302);
    const cookie = begun.headers.getSetCookie()[0]!.split(';')[0]!;
    const page = await browser.go(begun.headers.get('location')!, (url) => url.startsWith(outside));
    const back = change(page.location!).replace(outside, origin);
    const answer = await fetch(back, { redirect: 'manual', headers: { cookie } });
    return { answer, cookie, user: known };
  }
  return { house, admin, harbor, origin, signIn };
}
