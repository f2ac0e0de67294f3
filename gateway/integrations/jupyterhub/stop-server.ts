import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { knotError } from '../../lib/index.ts';

/** A stop that somebody else asked for is under way: asked again until it has ended. */
const againMs = 500;
/** Longer than the hub gives a server to end (the timeouts in hub-config.ts), and than it lets anybody wait (10 s). */
const mostMs = 20_000;

/**
 * Has the hub stop a person's server, also one that just starts; resolves when it has ended, and when none ran. The hub is asked on
 * loopback, with a token that is good for nothing else (`delete:servers`; jupyterhub/apihandlers/users.py, UserServerAPIHandler).
 * @throws KNOT_INTEGRATIONS_NOT_STOPPED
 */
export async function stopServer(hub: { hubPort: number; token: string }, username: string): Promise<void> {
  const until = performance.now() + mostMs;
  while (performance.now() < until) {
    const status = await deleteServer(hub, username);
    // 404: nobody of this name has ever been there.
    if (status === 204 || status === 404) return;
    if (status !== 202) break;
    await delay(againMs);
  }
  throw notStopped();
}

function deleteServer({ hubPort, token }: { hubPort: number; token: string }, username: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = request({
    host: '127.0.0.1',
    port: hubPort,
    method: 'DELETE',
    path: `/hub/api/users/${encodeURIComponent(username)}/server`,
    headers: { authorization: `token ${token}` },
    timeout: mostMs,
    agent: false,
  });
  asked.once('response', (response) => {
    response.resume();
    resolve(response.statusCode!);
  });
  asked.once('timeout', () => asked.destroy());
  asked.on('error', (cause) => reject(notStopped(cause)));
  asked.end();
  return promise;
}

const notStopped = (cause?: unknown) =>
  knotError('KNOT_INTEGRATIONS_NOT_STOPPED', 503, 'What runs for you could not be stopped just now.', {
    remedy: 'Try again in a moment; if it stays so, tell an administrator.',
    ...(cause !== undefined && { cause }),
  });
