import { readFileSync } from 'node:fs';
import { search } from '@jmespath-community/jmespath';
import { createRemoteJWKSet, customFetch, type JWTPayload, jwtVerify } from 'jose';
import { Agent, fetch } from 'undici';
import type { Configuration } from './configuration.ts';

export type User = {
  id: number;
  login: string;
  email: string;
  name: string;
  role: 'Admin' | 'Editor' | 'Viewer';
  isDisabled: boolean;
  isServerAdmin: boolean;
};

/** What is said to who is not let in: the status and the message of Grafana. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Who comes with a token (`auth.jwt`): verified by the keys at `jwk_set_url`, its claims compared with `expect_claims` and the clock, the
 * role found by a JMESPath expression; who is new is made where `auto_sign_up` says so.
 */
export function createTokenPeople(configuration: Configuration, users: User[]) {
  const jwt = configuration['auth.jwt'] ?? {};
  const keys =
    jwt['jwk_set_url'] === undefined
      ? undefined
      : createRemoteJWKSet(new URL(jwt['jwk_set_url']), {
          cooldownDuration: 0,
          [customFetch]: ((url: string, init: object) =>
            fetch(url, {
              ...init,
              dispatcher: new Agent({
                connect: jwt['tls_client_ca'] === undefined ? {} : { ca: readFileSync(jwt['tls_client_ca'], 'utf8') },
              }),
            })) as never,
        });

  async function verify(token: string): Promise<JWTPayload> {
    if (keys === undefined) throw new Refused(401, 'Invalid JWT');
    try {
      const { payload } = await jwtVerify(token, keys);
      const expected = JSON.parse(jwt['expect_claims'] ?? '{}') as Record<string, unknown>;
      for (const [claim, value] of Object.entries(expected)) {
        const found = payload[claim];
        if (!(Array.isArray(found) ? found : [found]).includes(value as string)) throw new Error(`claim ${claim}`);
      }
      if (payload.sub === undefined || payload.sub === '') throw new Error('no sub');
      return payload;
    } catch {
      throw new Refused(401, 'Invalid JWT');
    }
  }

  return {
    field: (jwt['header_name'] ?? '').toLowerCase(),
    isEnabled: jwt['enabled'] === 'true',
    async find(token: string): Promise<User> {
      const claims = await verify(token);
      const login = String(claims[jwt['username_claim'] ?? 'sub'] ?? '');
      const email = String(claims[jwt['email_claim'] ?? ''] ?? '');
      if (login === '' && email === '') throw new Refused(401, 'Invalid JWT');
      const role = roleOf(claims, jwt);
      if (jwt['role_attribute_strict'] === 'true' && role === undefined) throw new Refused(401, 'invalid role');
      let user = users.find((one) => one.login === login) ?? users.find((one) => one.email === email);
      if (user === undefined) {
        if (jwt['auto_sign_up'] !== 'true') throw new Refused(401, 'user not found');
        user = addUser(users, { login, email, name: login });
      }
      if (user.isDisabled) throw new Refused(401, 'user is disabled');
      if (role !== undefined) user.role = role;
      return user;
    },
  };
}

/** What the expression `role_attribute_path` makes of claims; undefined where it is no role. */
export function roleOf(claims: object, section: Configuration[string]): User['role'] | undefined {
  const path = section['role_attribute_path'] ?? '';
  const found: unknown = path === '' ? undefined : search(claims as never, path);
  return (['Viewer', 'Editor', 'Admin'] as const).find((role) => role === found);
}

export function addUser(users: User[], { login, email, name }: Pick<User, 'login' | 'email' | 'name'>): User {
  const user: User = {
    ...{ id: Math.max(0, ...users.map(({ id }) => id)) + 1, login, email, name },
    ...{ role: 'Viewer', isDisabled: false, isServerAdmin: false },
  };
  users.push(user);
  return user;
}
