/**
 * files: one set of files for the browser, notebooks and services.
 * Owns: the areas on the disk (private, shared, team, admin), the one way to a path in them, every act on them as a whole or not at
 * all, trash, resumable uploads, zip streams, what they use of their quota.
 * Does not own: who may do what (policy, asked by api), whose an area is (owners), HTTP (api).
 * Mounts: nothing.
 *
 * Rooms, each using only those before it: walk (names, held folders, areas) > act (write, move, copy, trash).
 */
export { type Area, areaOfKey, type AreaFolders, keyOf, openAreas } from './walk/areas.ts';
export { addressOfPath, type Path, pathOfAddress, pathOfText, textOfPath } from './walk/names.ts';
