/** What a page shows of the uploads: one picture of all, and those that are of interest, however many there are. */
import { isActive, type Upload, type UploadState } from './model.ts';

export type Picture = {
  counts: Record<UploadState, number>;
  total: number;
  /** Bytes there, and bytes in all, of what is not given up. */
  sent: number;
  size: number;
  perSecond?: number | undefined;
  /** Milliseconds until everything is there, if it goes on like this. */
  left?: number | undefined;
  isActive: boolean;
  isHalted: boolean;
  /** What a person decides or looks at first comes first. */
  rows: Upload[];
  /** How many more there are than rows. */
  more: number;
  /** Those of earlier visits, and whether a press is enough for some of them. */
  unfinished: Upload[];
  canGoOn: boolean;
  /** Keys of those that can be tried again, that are paused, and of all that are not of earlier visits. */
  failed: string[];
  paused: string[];
  own: string[];
};

const mostRows = 60;
const order: Record<UploadState, number> = {
  asked: 0,
  failed: 1,
  sending: 2,
  finishing: 2,
  checking: 2,
  delayed: 2,
  paused: 3,
  waiting: 4,
  done: 5,
  skipped: 6,
  left: 7,
};
const states = Object.keys(order) as UploadState[];

export function pictureOf(
  uploads: Iterable<Upload>,
  { isHalted, hasHandle }: { isHalted: boolean; hasHandle: (key: string) => boolean },
): Picture {
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<UploadState, number>;
  /** By order, no more of each than could be shown. */
  const groups: Upload[][] = [];
  const unfinished: Upload[] = [];
  const failed: string[] = [];
  const paused: string[] = [];
  const own: string[] = [];
  let [total, sent, size] = [0, 0, 0];
  for (const upload of uploads) {
    counts[upload.state] += 1;
    if (upload.state === 'left') {
      unfinished.push(upload);
      continue;
    }
    total += 1;
    own.push(upload.key);
    if (upload.state === 'failed' && upload.source) failed.push(upload.key);
    if (upload.state === 'paused') paused.push(upload.key);
    if (upload.state !== 'skipped' && upload.state !== 'failed') {
      sent += upload.sent;
      size += upload.size;
    }
    const group = (groups[order[upload.state]] ??= []);
    group.push(upload);
    // Of what is done the last ones are shown, of everything else the first.
    if (group.length > mostRows && upload.state === 'done') group.shift();
    else if (group.length > mostRows) group.pop();
  }
  const rows = groups.flat().slice(0, mostRows);
  const isGoingOn = states.some((state) => counts[state] > 0 && isActive({ state }));
  return {
    counts,
    total,
    sent,
    size,
    isActive: isGoingOn && !isHalted,
    isHalted,
    // Copies, so that a row that changed is another one.
    rows: rows.map((upload) => ({ ...upload })),
    more: total - rows.length,
    unfinished: unfinished.map((upload) => ({ ...upload })),
    canGoOn: unfinished.some(({ key }) => hasHandle(key)),
    failed: failed,
    paused: paused,
    own: own,
  };
}

/** How fast it goes, and how long it takes if it goes on like this. */
export function pace({ size, sent }: Picture, perSecond: number | undefined): Pick<Picture, 'perSecond' | 'left'> {
  return { perSecond, left: perSecond ? ((size - sent) / perSecond) * 1000 : undefined };
}
