import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Entry, textOf, textOfPath, timeIn, withoutFigures } from '../../files/index.ts';
import { identityOf } from '../context.ts';
import { noteAct, pathForLedger } from './note-act.ts';
import type { FileNeeds, Place, Places } from './places.ts';

/** What may stand at the target: see `Condition` of files. */
export type TargetCondition = { ifMatch?: readonly string[] | undefined; isNew?: boolean };

/** `source`: versions of what is moved, copied or deleted. `keepsBoth`: under the next free name when its own is taken. */
export type RelocateCondition = Pick<TargetCondition, 'ifMatch'> & {
  source?: readonly string[] | undefined;
  keepsBoth?: boolean | undefined;
};

export type FileActs = ReturnType<typeof createFileActs>;

/**
 * The acts on files as they are done for a request, whatever protocol it speaks: whether it may, the act, the shares that it ends, the
 * record of it, in this order.
 */
export function createFileActs(context: FileNeeds, places: Places) {
  /**
   * Who may only add files replaces none. Who does not even see the folder (`knownFolders` is how much of the way they know) does not
   * learn which names there are: a folder that is missing is made, what has a taken name goes beside it under a numbered one, and they
   * are answered as if it had got the name they gave, as guests are.
   */
  function demandAdding(
    request: FastifyRequest,
    place: Place,
  ): { mayWrite: boolean; knownFolders: number | undefined } {
    const mayWrite = places.may(request, 'writeFiles', place);
    if (!mayWrite) places.demand(request, 'addFiles', place);
    return { mayWrite, knownFolders: places.knownFolders(request, place) };
  }

  /** Somebody who comes into a part of an area only is not told how full it is. */
  async function intoRoom<T>(request: FastifyRequest, place: Place, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw places.maySeeUsage(request, place) ? error : withoutFigures(error);
    }
  }

  const named = (entry: Entry, { path }: Pick<Place, 'path'>): Entry => ({ ...entry, name: textOf(path.at(-1)!) });

  /** A share is of a place: what has left it must not give away what comes to lie there next (decision 0039). Nor is that locked. */
  async function endWhatWasOn(request: FastifyRequest, { area, disk, path }: Place, reason: string): Promise<string[]> {
    const { name: actor, address } = context.actorOf(request);
    await places.files().locks.forget(disk, path);
    return context.shares.endBelow({ kind: 'files', id: area.key, path: textOfPath(path) }, { actor, address, reason });
  }

  return {
    demandAdding,
    /** Writes what the request holds, or `body`, as a file, as a whole; cut like every transfer when the right to it ends. */
    async write(
      request: FastifyRequest,
      reply: FastifyReply,
      place: Place,
      { body, ...condition }: TargetCondition & { sha256?: string | undefined; body?: Readable },
    ) {
      const { mayWrite, knownFolders } = demandAdding(request, place);
      const given = body === undefined ? request.headers['content-length'] : undefined;
      const modifiedAt = timeIn(request.headers['x-oc-mtime']?.toString());
      if (modifiedAt !== undefined) reply.header('x-oc-mtime', 'accepted');
      places.follow(request, reply, 'upload', mayWrite ? 'writeFiles' : 'addFiles', place);
      const written = await intoRoom(request, place, () =>
        places.files().put(place.disk, place.path, body ?? request.raw, {
          ...(given !== undefined && { length: Number(given) }),
          modifiedAt,
          ...condition,
          knownFolders,
          isNew: !mayWrite || condition.isNew === true,
        }),
      );
      const { entry, isNew, path } = written;
      await noteAct(context, request, 'files.written', { ...place, path }, { bytes: entry.size, isNew });
      return knownFolders === undefined ? written : { ...written, entry: named(entry, place) };
    },
    async makeFolder(request: FastifyRequest, place: Place) {
      const { knownFolders } = demandAdding(request, place);
      if (knownFolders === undefined) {
        const entry = places.files().makeFolder(place.disk, place.path);
        await noteAct(context, request, 'files.folder-made', place);
        return entry;
      }
      // One that was there takes what is put into it as one that was made.
      const { path, isMade } = await places.files().makeWay(place.disk, place.path, knownFolders);
      if (isMade) await noteAct(context, request, 'files.folder-made', { ...place, path });
      return { name: textOf(place.path.at(-1)!), kind: 'folder' as const, size: 0, modifiedAt: Date.now(), etag: '' };
    },
    /** @param ifMatch versions of the target that may be replaced; only who may write there replaces any */
    async relocate(
      how: 'move' | 'copy',
      request: FastifyRequest,
      from: Place,
      target: Place,
      { ifMatch, source, keepsBoth = false }: RelocateCondition,
    ) {
      places.demand(request, 'readFiles', from);
      if (how === 'move') places.demand(request, 'writeFiles', from);
      const { mayWrite, knownFolders } = demandAdding(request, target);
      const disk = ({ disk: area, path }: Place) => ({ area, path });
      const condition = {
        ...(mayWrite && ifMatch && { ifMatch }),
        ...(source && { source }),
        keepsBoth,
        knownFolders,
      };
      const moved = await intoRoom(request, target, () => places.files()[how](disk(from), disk(target), condition));
      const endedShares = how === 'move' ? await endWhatWasOn(request, from, 'moved') : [];
      const detail = { to: target.area.key, toPath: pathForLedger(moved) };
      await noteAct(context, request, how === 'move' ? 'files.moved' : 'files.copied', from, detail);
      const shown = knownFolders !== undefined ? { entry: named(moved.entry, target), path: target.path } : {};
      return { ...moved, ...shown, endedShares };
    },
    /** What is back where it was is shared as it was: the shares that an act, which is being taken back, has ended for the same person. */
    async restoreShares(
      request: FastifyRequest,
      { area, path }: Pick<Place, 'area' | 'path'>,
      ids: readonly string[] = [],
    ) {
      if (ids.length === 0) return;
      const { name: actor, address } = context.actorOf(request);
      await context.shares.restoreBelow({ kind: 'files', id: area.key, path: textOfPath(path) }, ids, {
        actor,
        address,
      });
    },
    async toTrash(request: FastifyRequest, place: Place, ifMatch?: readonly string[]) {
      places.demand(request, 'writeFiles', place);
      const { username } = identityOf(request).principal;
      const item = await places.files().trash(place.disk, place.path, username, ifMatch);
      const endedShares = await endWhatWasOn(request, place, 'deleted');
      await noteAct(context, request, 'files.trashed', place);
      return { item, endedShares };
    },
  };
}
