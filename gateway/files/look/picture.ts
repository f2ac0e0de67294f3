import { entriesIn, nameIn } from '../walk/entries.ts';
import { type Kind, kindOf } from '../walk/entry.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Name } from '../walk/names.ts';
import { createPace, measure, type Measure } from '../walk/tree.ts';
import { createSmallest } from './list.ts';

/** `name`: as it stands on the disk. */
export type Share = Measure & { name: Name; kind: Kind };

/** What is large in a folder: its largest children, what all others take together, and everything. */
export type Picture = { largest: Share[]; rest: Measure; total: Measure };

export async function picture(
  folder: HeldFolder,
  { most, signal, isHidden }: { most: number; signal?: AbortSignal; isHidden?: (name: Name) => boolean },
): Promise<Picture> {
  const steps = createPace();
  const pace = () => {
    signal?.throwIfAborted();
    return steps();
  };
  const total = { bytes: 0, entries: 0 };
  const large = createSmallest(most, byBytes);
  for await (const batch of entriesIn(folder)) {
    for (const name of batch.map(nameIn)) {
      if (isHidden?.(name)) continue;
      const stats = folder.look(name);
      if (stats === undefined) continue;
      const { bytes, entries } = await measure(folder, name, pace);
      total.bytes += bytes;
      total.entries += entries;
      large.add({ name, kind: kindOf(stats), bytes, entries });
    }
  }
  const largest = large.inOrder();
  const shown = largest.reduce(
    (sum, { bytes, entries }) => ({ bytes: sum.bytes + bytes, entries: sum.entries + entries }),
    {
      bytes: 0,
      entries: 0,
    },
  );
  return { largest, total, rest: { bytes: total.bytes - shown.bytes, entries: total.entries - shown.entries } };
}

const byBytes = (a: Share, b: Share) => b.bytes - a.bytes || Buffer.compare(a.name, b.name);
