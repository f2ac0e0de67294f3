/**
 * The tray of notices: what was done, what failed and what is still going on, kept in this browser for this person, so that a
 * reload loses nothing of it. The toasts are its short form. Nothing of it is left after a sign-out.
 */
import type { UndoRequest } from '#lib/api/undo.ts';
import { dropKept, keptKeys, readKept, writeKept } from '#lib/kept.ts';

export type TrayNotice = {
  id: string;
  /** Epoch milliseconds. */
  at: number;
  /** `warning`: something that will need the person. */
  tone: 'done' | 'warning' | 'failed' | 'working';
  text: string;
  detail?: string;
  /** Where what it is about can be seen, and what a press there does. */
  link?: { href: string; label: string };
  /** Whom or what it is about: a newer notice about the same takes the older one's way back, and the place of its work. */
  about?: string;
  /** The way back, as long as nobody changed the same again: of an act on many, one of each. */
  undo?: readonly UndoRequest[];
  isSeen: boolean;
};

const prefix = 'knot-notices:';
const most = 50;
const keptMilliseconds = 7 * 24 * 3600 * 1000;

export const notices = $state<TrayNotice[]>([]);

let key: string | undefined;

/** Shows those of this person, kept by an earlier page or another tab, and drops what others left in this browser. */
export function openTray(userId: string): void {
  key = prefix + userId;
  for (const other of keptKeys(prefix)) if (other !== key) dropKept(other);
  take(readKept(key));
}

/** Adds one, the newest first; an equal one, or work about the same, makes room for it. */
export function keepNotice(notice: Omit<TrayNotice, 'id' | 'at' | 'isSeen'>): void {
  const { about, text, detail, tone } = notice;
  const isReplaced = (older: TrayNotice): boolean =>
    (about !== undefined && older.about === about && (older.tone === 'working' || tone === 'working')) ||
    (older.text === text && older.detail === detail);
  const rest = notices.filter((older) => !isReplaced(older));
  for (const older of rest) if (about !== undefined && older.about === about) delete older.undo;
  put([{ ...notice, id: crypto.randomUUID(), at: Date.now(), isSeen: false }, ...rest]);
}

export function dropNotice(id: string): void {
  put(notices.filter((notice) => notice.id !== id));
}

/** Work that is still going on stays: it has a result to come. */
export function clearNotices(): void {
  put(notices.filter(({ tone }) => tone === 'working'));
}

export function markSeen(): void {
  if (notices.every(({ isSeen }) => isSeen)) return;
  put(notices.map((notice) => ({ ...notice, isSeen: true })));
}

/** At sign-out: whoever sits here next reads none of it. */
export function forgetNotices(): void {
  notices.splice(0);
  for (const kept of keptKeys(prefix)) dropKept(kept);
}

function put(next: readonly TrayNotice[]): void {
  const oldest = Date.now() - keptMilliseconds;
  notices.splice(0, notices.length, ...next.filter(({ at }) => at >= oldest).slice(0, most));
  if (key !== undefined) writeKept(key, notices);
}

function take(kept: unknown): void {
  const oldest = Date.now() - keptMilliseconds;
  const usable = (Array.isArray(kept) ? kept : []).filter(isNotice).filter(({ at }) => at >= oldest);
  // An earlier release kept one way back as it was.
  for (const notice of usable) if (notice.undo !== undefined) notice.undo = [notice.undo].flat();
  notices.splice(0, notices.length, ...usable.slice(0, most));
}

const isNotice = (value: unknown): value is TrayNotice =>
  typeof value === 'object' &&
  value !== null &&
  ['id', 'text', 'tone'].every((name) => typeof (value as Record<string, unknown>)[name] === 'string') &&
  typeof (value as TrayNotice).at === 'number';

// Told by the other tabs only (HTML, "the storage event"); a missing value is a sign-out there.
addEventListener('storage', ({ key: changed }) => {
  if (key !== undefined && (changed === key || changed === null)) take(readKept(key));
});
