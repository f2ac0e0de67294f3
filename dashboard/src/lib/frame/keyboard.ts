/** Keys that work on every page; the frame hands in what each key does. */

/** The part of a `KeyboardEvent` that matters here. */
type KeyPress = {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** Milliseconds. */
  timeStamp: number;
  target: unknown;
  preventDefault(): void;
};

type KeyActs = {
  openPalette(): void;
  openShortcuts(): void;
  /** Puts the cursor into the page's own search box; false when it has none. */
  focusSearch(): boolean;
  jump(key: string): boolean;
};

const pauseMilliseconds = 1200;

/** A `keydown` listener: `Ctrl K`, `/`, `?`, and `g` followed by a page's letter. */
export function createKeyListener(acts: KeyActs): (event: KeyPress) => void {
  let jumpStartedAt = -Infinity;
  return (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      acts.openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const isJump = event.timeStamp - jumpStartedAt < pauseMilliseconds;
    jumpStartedAt = -Infinity;
    if (isJump && acts.jump(event.key)) event.preventDefault();
    else if (event.key === 'g') jumpStartedAt = event.timeStamp;
    else if (event.key === '?') acts.openShortcuts();
    else if (event.key === '/') {
      event.preventDefault();
      if (!acts.focusSearch()) acts.openPalette();
    }
  };
}

/** In a field every key is text; in an open dialog or menu the page behind must not move. A box to tick is no field. */
export function isTyping(target: unknown): boolean {
  const element = target as { closest?: (selector: string) => unknown } | null;
  return Boolean(
    element?.closest?.(
      'input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog, [role=menu]',
    ),
  );
}
