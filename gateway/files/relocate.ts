import type { Condition } from './act/condition.ts';
import { onWay } from './act/make-way.ts';
import { type Acts, type copy, move, type Moved } from './act/move.ts';
import { freeName } from './act/place.ts';
import type { Quota } from './quota/quota.ts';
import { type Area, keyOf } from './walk/areas.ts';
import type { Kind } from './walk/entry.ts';
import { isTaken, taken } from './walk/errors.ts';
import { withFolder } from './walk/held-folder.ts';
import type { Path } from './walk/names.ts';
import { numbered } from './walk/tree.ts';

export type Spot = { area: Area; path: Path };
/**
 * `source`: versions of what is moved or copied; without them any. `knownFolders`: for who does not see what is at the target, as in
 * `PutOptions`; then under the next free name too.
 */
export type RelocateOptions = Condition & {
  source?: readonly string[] | undefined;
  knownFolders?: number | undefined;
};
/** `path`: where it is now. */
export type Relocated = Moved & { path: Path };

type Act = typeof move | typeof copy;

/** Moves and copies with what they cost: room is promised before, what changed is told after, and nothing stays of what is refused. */
export function createRelocate(parts: {
  acts: Acts;
  quota: Quota;
  /** Refuses what is Knot's own in an area. */
  checked(path: Path): Path;
  /** Tells of what came to a path, and of the folders made for it below the `known` ones. */
  tellOf(area: Area, path: Path, known?: number): void;
  /** Tells of what is not at a path any more. */
  left(from: Spot, kind: Kind): void;
}): (act: Act, from: Spot, to: Spot, options: RelocateOptions) => Promise<Relocated> {
  const { acts, quota, checked, tellOf, left } = parts;

  /** Into folders that are made for it, if it is by somebody who does not see which are there. */
  async function onWayOrNot(act: Act, from: Spot, to: Spot, options: RelocateOptions): Promise<Relocated> {
    for (const { path } of [from, to]) if (checked(path).length === 0) throw taken();
    const { knownFolders, ...rest } = options;
    if (knownFolders === undefined) return relocateBeside(act, from, to, rest);
    return onWay(acts.areas, to.area, to.path.slice(0, -1), knownFolders, async (way) => {
      const path = [...way, ...to.path.slice(-1)];
      const moved = await relocateBeside(act, from, { area: to.area, path }, { ...rest, keepsBoth: true });
      tellOf(to.area, moved.path, knownFolders);
      return moved;
    });
  }

  /** With `keepsBoth` under the next free name, however many others take names at the same time. */
  async function relocateBeside(act: Act, from: Spot, to: Spot, options: RelocateOptions): Promise<Relocated> {
    const { keepsBoth, ...rest } = options;
    for (;;) {
      const path = keepsBoth === true ? freePath(to) : to.path;
      try {
        return { ...(await relocate(act, from, { area: to.area, path }, rest)), path };
      } catch (error) {
        if (keepsBoth !== true || !isTaken(error)) throw error;
      }
    }
  }

  const freePath = ({ area, path }: Spot): Path =>
    withFolder(acts.areas.folder(area, path.slice(0, -1)), (parent) => [
      ...path.slice(0, -1),
      freeName(parent, path.at(-1)!, numbered),
    ]);

  async function relocate(act: Act, from: Spot, to: Spot, condition: RelocateOptions): Promise<Moved> {
    const isMove = act === move;
    let reservation: Awaited<ReturnType<typeof quota.reserve>> | undefined;
    let size = 0;
    try {
      const moved = await act(acts, from, to, {
        ...condition,
        async reserve({ bytes }) {
          size = bytes;
          reservation = await quota.reserve(to.area, bytes);
        },
      });
      await (reservation?.settle(size - moved.replaced) ?? quota.note(to.area, -moved.replaced));
      if (isMove && keyOf(from.area) !== keyOf(to.area)) await quota.note(from.area, -size);
      tellOf(to.area, to.path);
      if (isMove) left(from, moved.entry.kind);
      return moved;
    } catch (error) {
      await reservation?.release();
      throw error;
    }
  }

  return onWayOrNot;
}
