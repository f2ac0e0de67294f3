import { codeOf, taken } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Name } from '../walk/names.ts';
import { type Journal, type Place, type Spot, thingAt } from './journal.ts';

/** These file systems have no second names for files, or not for this one. */
const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'];

/**
 * Puts something to a name where nothing is, and replaces nothing that somebody else makes at this moment: rename(2) would. A file gets
 * a second name, which never replaces, and loses its first; a folder cannot be renamed onto a file or a folder with something in it.
 * `journal` says which act a crash in between is to be finished for; none is needed when the first name is in staging.
 * @throws KNOT_FILES_TAKEN; EXDEV when the two are on different disks
 */
export function place(from: Spot, to: Spot, journal?: { journal: Journal; from: Place; to: Place }): void {
  const stats = from.folder.look(from.name);
  if (to.folder.look(to.name) !== undefined) throw taken();
  if (!stats?.isFile()) {
    from.folder.rename(from.name, to.folder, to.name);
  } else {
    const thing = thingAt(from)!;
    const done = journal?.journal.note({ kind: 'link', ...journal, original: thing, moved: thing });
    try {
      placeFile(from, to);
    } finally {
      done?.();
    }
  }
  // What a crash leaves in staging is removed in any case.
  if (journal) from.folder.sync();
  to.folder.sync();
}

function placeFile(from: Spot, to: Spot): void {
  try {
    from.folder.link(from.name, to.folder, to.name);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw taken(error);
    if (!noLinks.includes(codeOf(error) ?? '')) throw error;
    from.folder.rename(from.name, to.folder, to.name);
    return;
  }
  from.folder.remove(from.name);
}

/** The first name that is free in a folder, beginning with the wanted one. */
export function freeName(folder: HeldFolder, wanted: Name, numbered: (name: Name, number: number) => Name): Name {
  if (folder.look(wanted) === undefined) return wanted;
  for (let number = 2; ; number++) {
    const name = numbered(wanted, number);
    if (folder.look(name) === undefined) return name;
  }
}
