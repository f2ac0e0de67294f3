import Copy from '@lucide/svelte/icons/copy';
import Pin from '@lucide/svelte/icons/pin';
import PinOff from '@lucide/svelte/icons/pin-off';
import Scale from '@lucide/svelte/icons/scale';
import { goto } from '$app/navigation';
import type { Me, Tile } from '#lib/contract.ts';
import { copyAddress } from '#lib/copy.ts';
import { isPinned, setPinned } from '#lib/tiles/pins.svelte.ts';
import { urls } from '#lib/urls.ts';
import type { MenuItem } from '#lib/ui/RowMenu.svelte';

/** What a person can do with a tile besides opening and stopping it. */
export function menuOf(tile: Tile, me: Me): MenuItem[] {
  const { name, title, url } = tile;
  const items: MenuItem[] = [
    isPinned(name)
      ? { label: 'Unpin', icon: PinOff, act: () => setPinned(name, false) }
      : { label: 'Pin', icon: Pin, act: () => setPinned(name, true) },
    { label: 'Copy address', icon: Copy, act: () => copyAddress(title, url) },
  ];
  if (me.canAdminister) {
    const question = { as: me.user.username, method: 'GET', url };
    items.push({ label: 'Explain access', icon: Scale, act: () => goto(urls.policies(question)) });
  }
  return items;
}
