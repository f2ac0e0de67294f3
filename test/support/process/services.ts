import { eventually, patienceMs } from '../eventually.ts';
import type { Person } from './person.ts';

/** Why services cannot be tried here, or false. */
export const servicesSkipReason = (): string | false => process.platform !== 'linux' && 'services need Linux';

/** What somebody runs, as the API tells them. */
export type RunningService = { id: string; name: string; state: string; url: string; cause?: { what: string } };

/** Launches a service; what is refused is thrown, in the words of the API. */
export async function launch(
  who: Person,
  wanted: { template: string; name: string; values?: object; owner?: string },
): Promise<RunningService> {
  const answer = await who.api('POST', '/services', { values: {}, ...wanted });
  if (answer.status !== 202) throw new Error(`${wanted.name} of ${wanted.template}: ${answer.status} ${answer.text}`);
  return answer.json<{ service: RunningService }>().service;
}

/** Resolves with a service once it is so; one that fails meanwhile is thrown, with its cause. */
export function becomes(who: Person, id: string, state: string, withinMs = patienceMs): Promise<RunningService> {
  return eventually(
    `the service is ${state}`,
    async () => {
      const now = (await who.api('GET', `/services/${id}`)).json<RunningService>();
      if (now.state === 'failed' && state !== 'failed') throw new Error(JSON.stringify(now));
      return now.state === state && now;
    },
    withinMs,
  );
}
