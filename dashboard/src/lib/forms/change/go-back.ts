/** The way back from other values, or another version, in the notice of it. */
import { servicesApi } from '#lib/api/services.ts';
import type { Service } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { aboutOf } from '#lib/services/acts.ts';
import { attempt, type Offer } from '#lib/toasts.svelte.ts';

/**
 * Makes it what it was before `changed`, unless somebody changed it since. What its program held in memory does not come back: so it is
 * not called Undo.
 */
export function goBackFrom(changed: Pick<Service, 'id' | 'name' | 'revision'>): Offer {
  const { id, name, revision } = changed;
  return {
    label: 'Go back',
    async act() {
      await attempt(() => servicesApi.rollBack(id, { revision }), `${name} goes back to what it was.`, {
        about: aboutOf(changed),
      });
      await refresh({ topic: 'services', id });
    },
  };
}
