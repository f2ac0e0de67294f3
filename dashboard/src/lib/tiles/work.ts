/** Tools that are being prepared: work that can be left, and finds the person again by a notice. */
import { platformApi } from '#lib/api/platform.ts';
import type { Change, Tile } from '#lib/contract.ts';
import { orNothing } from '#lib/load.ts';
import { keepNotice, notices } from '#lib/notices.svelte.ts';
import { say } from '#lib/toasts.svelte.ts';

const prefix = 'tile:';

const isFollowed = (about: string): boolean =>
  notices.some((notice) => notice.tone === 'working' && notice.about === about);

/** Notes what is being prepared, and says of what was how it went. */
export function followWork(tiles: readonly Tile[]): void {
  for (const { name, title, url, status } of tiles) {
    const about = prefix + name;
    if (status.status === 'preparing') {
      if (!isFollowed(about)) keepNotice({ tone: 'working', text: `${title} is being prepared.`, about });
    } else if (isFollowed(about)) {
      if (status.status === 'ready') say(`${title} is ready.`, { about, link: { href: url, label: `Open ${title}` } });
      else if (status.status !== 'unknown') say(`${title} could not be prepared.`, { about, tone: 'failed' });
    }
  }
}

/** On every other page than Home, which reads the tiles anyway: asks how what is followed went on. */
export async function lookAfterWork(changes?: readonly Change[]): Promise<void> {
  if (location.pathname === '/') return;
  const concerns = ({ topic, id }: Change): boolean =>
    topic === 'tiles' && (id === undefined || isFollowed(prefix + id));
  if (changes && !changes.some(concerns)) return;
  if (!notices.some(({ tone, about }) => tone === 'working' && about?.startsWith(prefix))) return;
  const answer = await orNothing(platformApi.tiles());
  if (answer) followWork(answer.tiles);
}
