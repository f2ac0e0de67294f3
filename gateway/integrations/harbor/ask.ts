import type { Upstream } from '../../routes/index.ts';
import { type Answer, type AskOptions, basicOf, connectTool } from '../ask.ts';
import type { Method } from '../connection.ts';

/** How Knot signs in to the API: as the administrator, or as a system robot. */
export type HarborLogin = { name: string; secret: string };

/**
 * Asks the API of Harbor v2.0, as `Ask` does. `as`: who asks, in place of Knot; null is nobody. Without a login of Knot it is nobody as well.
 * `host`: the host that it is asked as, in place of where it listens.
 */
export type AskHarbor = <T = unknown>(
  method: Method,
  path: string,
  options?: Omit<AskOptions, 'headers'> & { as?: HarborLogin | null; host?: string },
) => Promise<Answer<T>>;

export type HarborConnection = { ask: AskHarbor; close(): Promise<void> };

/** Asks as `login` where nothing else is said. */
export function connectHarbor(options: {
  upstream: Upstream;
  login: HarborLogin | undefined;
  timeoutMs?: number | undefined;
}): HarborConnection {
  const { login, ...rest } = options;
  const { ask, close } = connectTool({
    ...rest,
    ...{ name: 'harbor', title: 'Harbor', headers: fieldsOf(login ?? null) },
    remedyOfOthers: 'Open Images in Knot once, and make a new secret.',
  });
  return {
    ask(method, path, { as = login ?? null, host, ...asked } = {}) {
      const isKnot = as === (login ?? null) && host === undefined;
      const headers = { ...fieldsOf(as), ...(host !== undefined && { host }) };
      return ask(method, path, { ...asked, ...(!isKnot && { headers }) });
    },
    close,
  };
}

/** A name of digits would be taken for a number without the second field. */
const fieldsOf = (login: HarborLogin | null): Record<string, string> => ({
  ...(login !== null && { authorization: basicOf(login.name, login.secret) }),
  'x-is-resource-name': 'true',
});
