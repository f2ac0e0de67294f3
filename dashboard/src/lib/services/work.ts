/** Starts that were left: they find the person again by a notice. */
import { servicesApi } from '#lib/api/services.ts';
import { problemIn } from '#lib/api/request.ts';
import type { Change, Service } from '#lib/contract.ts';
import { changeKey, concerns } from '#lib/live/changes.ts';
import { dropNotice, keepNotice, notices } from '#lib/notices.svelte.ts';
import { say } from '#lib/toasts.svelte.ts';
import { urls } from '#lib/urls.ts';

const prefix = 'service:';

/** Notes that somebody waits for it. It may be over already: who calls this has it read anew (`refresh`). */
export function followStart(service: Pick<Service, 'id' | 'name'>): void {
  const link = { href: urls.service(service), label: 'Watch' };
  keepNotice({ tone: 'working', text: `${service.name} is starting.`, about: prefix + service.id, link });
}

/** Asks how what is waited for went on, and says of what is over how it ended. */
export async function lookAfterStarts(changes?: readonly Change[]): Promise<void> {
  for (const { id: noticeId, tone, about } of [...notices]) {
    if (tone !== 'working' || about?.startsWith(prefix) !== true) continue;
    const id = about.slice(prefix.length);
    if (changes && !changes.some((change) => concerns(change, changeKey('services', id)))) continue;
    try {
      const service = await servicesApi.of(id);
      if (service.wish !== 'running') dropNotice(noticeId);
      else if (service.state === 'ready' || service.state === 'failed') tellEnd(service, about, noticeId);
    } catch (error) {
      if (problemIn(error).status === 404) dropNotice(noticeId);
    }
  }
}

function tellEnd(service: Service, about: string, noticeId: string): void {
  const { name, state, url } = service;
  // Its own page says it where it stands.
  if (location.pathname.startsWith(urls.service(service, ''))) return dropNotice(noticeId);
  if (state === 'ready') say(`${name} is ready.`, { about, link: { href: url, label: `Open ${name}` } });
  else
    say(`${name} could not be started. ${service.cause?.what ?? ''}`.trim(), {
      ...{ about, tone: 'failed' },
      link: { href: urls.service(service), label: 'What to do' },
    });
}
