/** Short notices at the edge: what was done, and for ten seconds the way back. Each of them stays in the tray. */
import { problemIn } from '#lib/api/request.ts';
import { undoOf, type UndoRequest } from '#lib/api/undo.ts';
import { keepNotice, type TrayNotice } from '#lib/notices.svelte.ts';

/** What a notice offers to do. It is called Undo only where everything comes back, else by what it does. */
export type Offer = { label: string; act: () => Promise<unknown> };

export type Toast = {
  id: number;
  tone: 'done' | 'failed' | 'working';
  text: string;
  detail?: string;
  offer?: Offer;
  /** Of work under way: 0 to 1, or undefined while nobody knows. */
  progress?: number | undefined;
  /** Whom or what it is about: a newer notice about the same takes the older one's offer away. */
  about?: string;
};

const shownMilliseconds = 10_000;
let lastId = 0;

export const toasts = $state<Toast[]>([]);

export function dismiss(id: number): void {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

export type More = {
  offer?: Offer | undefined;
  about?: string;
  tone?: 'done' | 'failed';
  /** The same way back as data, which the tray can take after a reload. */
  undo?: readonly UndoRequest[] | undefined;
  /** Where the tray leads. */
  link?: TrayNotice['link'];
  /** Of no use in a minute: shown, and not kept in the tray. */
  isPassing?: boolean;
};

export function say(text: string, more: More = {}): void {
  const { offer, about, tone = 'done', ...kept } = more;
  show({ tone, text, ...(offer ? { offer } : {}), ...(about === undefined ? {} : { about }) }, kept);
}

export type Work = {
  /** How far it is (0 to 1, undefined while nobody knows), and in words. */
  tell(progress: number | undefined, detail: string): void;
  end(): void;
};

/** Shows work that takes its time, on whatever page, until it ends; `cancel` stops it. */
export function sayWorking(text: string, cancel: () => unknown): Work {
  const id = ++lastId;
  const act = () => Promise.resolve(cancel());
  toasts.unshift({ id, tone: 'working', text, offer: { label: 'Cancel', act } });
  return {
    tell(progress, detail) {
      const toast = toasts.find((one) => one.id === id);
      if (toast) Object.assign(toast, { progress, detail });
    },
    end: () => dismiss(id),
  };
}

/** Shows what went wrong where no field or page is the place for it. */
export function sayProblem(error: unknown): void {
  const { status, message, remedy, requestId } = problemIn(error);
  const detail = [remedy, status >= 500 && requestId && `Id for your admin: ${requestId}`].filter(Boolean).join(' ');
  show({ tone: 'failed', text: message, ...(detail ? { detail } : {}) });
}

/** Does something, then says so; a failure is said instead. True when it was done. */
export async function attempt<T>(
  act: () => Promise<T>,
  done?: string | ((result: T) => string),
  more: { offer?: (result: T) => Offer | undefined; about?: string; isPassing?: boolean } = {},
): Promise<boolean> {
  let result: T;
  try {
    result = await act();
  } catch (error) {
    sayProblem(error);
    return false;
  }
  const { offer, ...rest } = more;
  const way = undoOf(result);
  const undo = way && [way];
  if (done) say(typeof done === 'string' ? done : done(result), { offer: offer?.(result), undo, ...rest });
  return true;
}

/** An equal notice takes the place of the one before it, so that the same words never stand twice. */
function show(
  toast: Omit<Toast, 'id' | 'tone'> & { tone: 'done' | 'failed' },
  { undo, link, isPassing = false }: Pick<More, 'undo' | 'link' | 'isPassing'> = {},
): void {
  const id = ++lastId;
  const { text, detail, about, tone } = toast;
  if (!isPassing)
    keepNotice({
      tone,
      text,
      ...(detail === undefined ? {} : { detail }),
      ...(about === undefined ? {} : { about }),
      ...(undo === undefined ? {} : { undo }),
      ...(link === undefined ? {} : { link }),
    });
  for (const older of toasts) if (about !== undefined && older.about === about) delete older.offer;
  const equal = toasts.findIndex((older) => older.text === text && older.detail === detail);
  if (equal >= 0) toasts.splice(equal, 1);
  toasts.push({ id, ...toast });
  const shown = toasts.filter((one) => one.tone !== 'working');
  if (shown.length > 3) dismiss(shown[0]!.id);
  setTimeout(() => dismiss(id), shownMilliseconds);
}
