/** Short notices at the edge: what was done, and for ten seconds the way back. */
import { problemIn } from '#lib/api.ts';

export type Toast = {
  id: number;
  tone: 'done' | 'failed';
  text: string;
  detail?: string;
  undo?: () => Promise<unknown>;
};

const shownMilliseconds = 10_000;
let lastId = 0;

export const toasts = $state<Toast[]>([]);

export function dismiss(id: number): void {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

export function say(text: string, undo?: () => Promise<unknown>): void {
  show({ tone: 'done', text, ...(undo ? { undo } : {}) });
}

/** Shows what went wrong where no field or page is the place for it. */
export function sayProblem(error: unknown): void {
  const { status, message, remedy, requestId } = problemIn(error);
  const detail = [remedy, status >= 500 && requestId && `Id for your admin: ${requestId}`].filter(Boolean).join(' ');
  show({ tone: 'failed', text: message, ...(detail ? { detail } : {}) });
}

/** Does something, then says so; a failure is said instead. True when it was done. */
export async function attempt(
  act: () => Promise<unknown>,
  done?: string,
  undo?: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await act();
  } catch (error) {
    sayProblem(error);
    return false;
  }
  if (done) say(done, undo);
  return true;
}

function show(toast: Omit<Toast, 'id'>): void {
  const id = ++lastId;
  toasts.push({ id, ...toast });
  if (toasts.length > 3) toasts.shift();
  setTimeout(() => dismiss(id), shownMilliseconds);
}
