/** Keys that work on every page; the frame hands in what each key does. */

/** The part of a `KeyboardEvent` that matters here. */
type KeyPress = {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** Milliseconds. */
  timeStamp: number;
  preventDefault(): void;
} & Aimed;

/** What an event tells of where it went: from the innermost element outward. */
type Aimed = { composedPath(): readonly unknown[] };

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
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
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

/**
 * In a field every key is text; in an open dialog or menu the page behind must not move. A box to tick is no field. The editor's field
 * stands in a shadow root, where `target` names only what holds the root (DOM, section 2.2): the path knows the field itself.
 */
export function isTyping(event: Aimed): boolean {
  return isWithin(event, keepsKeys);
}

/** The same of keys that lead from one thing to the next: a choice among several, a player, and what says so of itself move by them too. */
export function isMoving(event: Aimed): boolean {
  return isWithin(event, `${keepsKeys}, ${keepsArrows}`);
}

function isWithin(event: Aimed, what: string): boolean {
  return event.composedPath().some((one) => isElement(one) && one.matches(what));
}

const keepsKeys =
  'input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]:not([contenteditable=false]), dialog, [role=menu]';

const keepsArrows = 'input, audio, video, [data-keeps-arrows]';

const isElement = (one: unknown): one is { matches(selector: string): boolean } =>
  typeof (one as { matches?: unknown } | null)?.matches === 'function';
