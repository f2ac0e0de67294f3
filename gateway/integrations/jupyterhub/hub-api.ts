import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { knotError } from '../../lib/index.ts';
import type { Upstream } from '../../routes/index.ts';
import { connectTool } from '../ask.ts';

/** A stop that somebody else asked for is under way: asked again until it has ended. */
const againMs = 500;
/** Longer than a hub gives a server to end (the timeouts in hub-config.ts), and than it lets anybody wait (10 s). */
const mostMs = 20_000;

/** What Knot asks a hub about the servers of people, with a token that is good for nothing else (jupyterhub/apihandlers/users.py). */
export type HubApi = {
  /**
   * Whether somebody's server runs, starts or stops. Needs the scope `read:servers`.
   * @throws KNOT_INTEGRATIONS_TOOL_AWAY, KNOT_INTEGRATIONS_TOOL_FORBIDDEN, KNOT_INTEGRATIONS_TOOL_REFUSED
   */
  hasServer(username: string): Promise<boolean>;
  /**
   * Has it stop, also while it starts; resolves when it has ended, and when none ran. Needs the scope `delete:servers`.
   * @throws KNOT_INTEGRATIONS_NOT_STOPPED
   */
  stopServer(username: string): Promise<void>;
  close(): Promise<void>;
};

/** `upstream`: the hub, or the proxy in front of it. `token` is read for each question: it may be made only then. */
export function createHubApi(hub: {
  title: string;
  upstream: Upstream;
  token: () => string;
  timeoutMs?: number | undefined;
}): HubApi {
  const { title, upstream, token, timeoutMs = mostMs } = hub;
  const { ask, close } = connectTool({ name: 'jupyterhub', title, upstream, timeoutMs });
  const at = (username: string): string => `/hub/api/users/${encodeURIComponent(username)}`;
  const headers = () => ({ authorization: `token ${token()}` });

  return {
    async hasServer(username) {
      // 404: nobody of this name has ever been there.
      const answer = await ask<{ servers?: Record<string, unknown> }>('GET', at(username), {
        ...{ headers: headers(), also: [404] },
      });
      return answer.body?.servers?.[''] !== undefined;
    },
    async stopServer(username) {
      const until = performance.now() + mostMs;
      while (performance.now() < until) {
        const { status } = await ask('DELETE', `${at(username)}/server`, { headers: headers(), also: [404] }).catch(
          (cause: unknown) => {
            throw notStopped(cause);
          },
        );
        if (status === 204 || status === 404) return;
        if (status !== 202) break;
        await delay(againMs);
      }
      throw notStopped();
    },
    close,
  };
}

const notStopped = (cause?: unknown) =>
  knotError('KNOT_INTEGRATIONS_NOT_STOPPED', 503, 'What runs for you could not be stopped just now.', {
    remedy: 'Try again in a moment; if it stays so, tell an administrator.',
    ...(cause !== undefined && { cause }),
  });

/** What the token of a hub that runs elsewhere is made of, beside the client secret that hub and Knot share (decision 0081). */
export const purposeOfToken = 'knot: servers of people';

/** The token that Knot shows a hub that runs elsewhere: 64 hexadecimal digits. */
export const hubTokenOf = (clientSecret: string): string =>
  createHmac('sha256', clientSecret).update(purposeOfToken).digest('hex');
