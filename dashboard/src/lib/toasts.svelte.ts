/** Short notices at the edge: what was done, and for ten seconds the way back. Each of them stays in the tray. */
import { problemIn } from '#lib/api/request.ts';
import { undoOf, type UndoRequest } from '#lib/api/undo.ts';
import { keepNotice, type TrayNotice } from '#lib/notices.svelte.ts';

/** What a notice offers to do. It is called Undo only where everything comes back, else by what it does. */
export type Offer = { label: string; act: () => Promise<unknown> };

export type Toast = {
  id: number;
  tone: 'done' | 'failed';
  text: string;
  detail?: string;
  offer?: Offer;
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
  tone?: Toast['tone'];
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
  toast: Omit<Toast, 'id'>,
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
  if (toasts.length > 3) toasts.shift();
  setTimeout(() => dismiss(id), shownMilliseconds);
}
