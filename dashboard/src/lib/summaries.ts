/** Many states in a few words, which must be true of every mixture. Pure. */
import type { Component, Service, Tile } from '#lib/contract.ts';
import { isComing, isWanted } from '#lib/services/states.ts';
import { counted, listed } from '#lib/words.ts';

/** All parts in one badge. What is still being looked at is not said to work. */
export function healthBadge(components: readonly Component[]): { mark: 'warning' | 'working' | 'ready'; text: string } {
  const troubled = components.filter(({ status }) => status === 'failed' || status === 'warning').length;
  if (troubled > 0) return { mark: 'warning', text: `${counted(troubled, 'part needs', 'parts need')} a look` };
  const working = components.filter(({ status }) => status === 'working').length;
  if (working > 0) return { mark: 'working', text: `${counted(working, 'part is', 'parts are')} not ready yet` };
  return { mark: 'ready', text: 'Everything works' };
}

/** What the line on Home says where nothing failed and nothing warns. */
export function healthWords(components: readonly Component[], titleOf: (component: Component) => string): string {
  const working = components.filter(({ status }) => status === 'working');
  if (working.length === 0) return `All ${counted(components.length, 'part works', 'parts work')}`;
  const rest = counted(components.length - working.length, 'part works', 'parts work');
  if (working.length > 3) return `${rest}, ${working.length} are not ready yet`;
  return `${rest}, ${listed(working.map(titleOf))} ${working.length === 1 ? 'is' : 'are'} not ready yet`;
}

/** The state of all tools in one sentence: what fails first, then what is under way. Never claims what nobody knows. */
export function toolsSentence(tiles: readonly Pick<Tile, 'title' | 'status'>[]): string {
  const titles = (...wanted: Tile['status']['status'][]) =>
    tiles.filter(({ status }) => wanted.includes(status.status)).map(({ title }) => title);
  const about = (which: readonly string[], one: string, many: string) =>
    which.length > 3
      ? `${which.length} of ${tiles.length} ${many}.`
      : `${listed(which)} ${which.length === 1 ? one : many}.`;
  const [troubled, preparing, ready] = [titles('failed', 'unreachable'), titles('preparing'), titles('ready')];
  if (troubled.length > 0) return about(troubled, 'does not work just now', 'do not work just now');
  if (preparing.length > 0) return about(preparing, 'is being prepared', 'are being prepared');
  if (ready.length > 3 && ready.length === tiles.length) return 'Everything is ready.';
  return ready.length > 0 ? about(ready, 'is ready', 'are ready') : '';
}

/** What I and my teams run, in one sentence: what failed first, then what is under way. */
export function servicesSentence(services: readonly Pick<Service, 'name' | 'state' | 'wish'>[]): string {
  const wanted = services.filter(isWanted);
  const names = (isMeant: (service: (typeof wanted)[number]) => boolean): string[] =>
    wanted.filter(isMeant).map(({ name }) => name);
  const about = (which: readonly string[], one: string, many: string): string =>
    which.length > 3 ? `${which.length} services ${many}.` : `${listed(which)} ${which.length === 1 ? one : many}.`;
  const failed = names(({ state }) => state === 'failed');
  if (failed.length > 0) return about(failed, 'could not be started', 'could not be started');
  const coming = names(isComing);
  if (coming.length > 0) return about(coming, 'is starting', 'are starting');
  const running = names(({ state, wish }) => wish === 'running' && state === 'ready');
  return running.length > 0 ? about(running, 'is running', 'are running') : '';
}
