/** The folders of what was dropped, made once each at the target before something is put into them. */
import { filesApi } from '#lib/api/files.ts';
import { problemIn } from '#lib/api/request.ts';
import { placeNamed } from '#lib/files/names.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import type { Target } from './model.ts';
import type { Outcome } from './outcome.ts';

/** Where something below a target goes. */
export const placeBelow = ({ place }: Target, folders: readonly string[]): Place => folders.reduce(placeNamed, place);

/** `made`: hears in which folder there is another one now. */
export function createFolders(made: (above: Place) => void) {
  const known = new Map<string, Promise<Outcome | undefined>>();

  async function make(above: Place, place: Place): Promise<Outcome | undefined> {
    try {
      await filesApi.makeFolder(place);
      made(above);
    } catch (error) {
      const problem = problemIn(error);
      // It is there: what is dropped onto it is put beside what it has. If it is a file, the next question says so.
      if (problem.code === 'KNOT_FILES_TAKEN') return undefined;
      if (problem.status === 0) return { kind: 'later', why: 'line' };
      if (problem.status >= 500 && problem.status !== 507) return { kind: 'later', why: 'gateway' };
      return { kind: 'refused', problem };
    }
    return undefined;
  }

  return {
    /** Undefined when they are there, else what stands in the way. */
    async ensure(target: Target, folders: readonly string[]): Promise<Outcome | undefined> {
      let place = target.place;
      for (const name of folders) {
        const above = place;
        place = placeNamed(above, name);
        const key = addressOf(place);
        const making = known.get(key) ?? make(above, place);
        known.set(key, making);
        const outcome = await making;
        if (outcome === undefined) continue;
        known.delete(key);
        return outcome;
      }
      return undefined;
    },
    /** Somebody may have taken one away. */
    forget: (): void => known.clear(),
  };
}
