/** One terminal in a service, over lost lines and reloads of the page. */
import { type Line, openLine } from '#lib/services/socket.ts';
import type { Screen, Size } from '#lib/services/terminal/screen.ts';
import { withQuery } from '#lib/urls.ts';

type State =
  | { kind: 'connecting' }
  | { kind: 'open' }
  /** The line is broken, and is made anew. */
  | { kind: 'lost' }
  | { kind: 'ended'; what: string };

/** What is sent at once; Knot takes no larger messages. */
const mostAtOnce = 32 * 1024;
/** How often the page says how far it is. */
const tellEvery = 64 * 1024;

export class TerminalSession {
  state = $state.raw<State>({ kind: 'connecting' });
  readonly #id: string;
  readonly #screen: Screen;
  #line: Line | undefined;
  /** Names the shell to come back to, and how much of it is on the screen. */
  #terminal: string | undefined;
  #seen = 0;
  #told = 0;
  /** Up to here it was shown before. Meanwhile nothing is typed: xterm.js would answer anew what programs asked the terminal then. */
  #before = 0;

  constructor(id: string, screen: Screen) {
    this.#id = id;
    this.#screen = screen;
    this.#terminal = sessionStorage.getItem(this.#key) ?? undefined;
    this.open();
  }

  get #key(): string {
    return `knot-terminal-${this.#id}`;
  }

  open(): void {
    this.#line?.close();
    this.#set({ kind: 'connecting' });
    this.#line = openLine({
      path: () =>
        withQuery(`/services/${encodeURIComponent(this.#id)}/terminal`, {
          ...this.#screen.size(),
          ...(this.#terminal !== undefined && { terminal: this.#terminal, seen: this.#seen }),
        }),
      onmessage: (data) => (typeof data === 'string' ? this.#hear(JSON.parse(data) as object) : this.#show(data)),
      onstate: (isOpen) => {
        // What has ended says why; that its line goes then is no news.
        if (!isOpen && this.state.kind !== 'ended') this.#set({ kind: 'lost' });
      },
      onend: (code, reason) => this.#end(code, reason),
    });
  }

  type(text: string): void {
    if (this.state.kind !== 'open') return;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += mostAtOnce) this.#line?.send(bytes.slice(at, at + mostAtOnce));
  }

  resize(size: Size): void {
    this.#line?.send(JSON.stringify({ size }));
  }

  /** The page goes, the shell waits a while. */
  close(): void {
    this.#line?.close();
  }

  #hear(message: { terminal?: string; at?: number; to?: number; ended?: number | null }): void {
    if (message.terminal !== undefined) {
      // Another shell, or one of which this page has not everything: it begins on an empty screen.
      const isAnew = message.terminal !== this.#terminal || message.at !== this.#seen;
      if (isAnew) this.#screen.clear();
      this.#terminal = message.terminal;
      this.#seen = this.#told = message.at ?? 0;
      // A page that has shown something goes on where it was; any other shows again what an earlier one did.
      this.#before = isAnew || this.#seen === 0 ? (message.to ?? 0) : this.#seen;
      sessionStorage.setItem(this.#key, message.terminal);
      this.#openWhenShown();
      this.resize(this.#screen.size());
    }
    if (message.ended !== undefined) {
      this.#forget();
      const code = message.ended;
      this.#set({
        kind: 'ended',
        what: code === null ? 'The shell was ended.' : `The shell ended with exit code ${code}.`,
      });
    }
  }

  #openWhenShown(): void {
    if (this.state.kind === 'open' || this.#seen < this.#before) return;
    this.#set({ kind: 'open' });
    // Who is at something else stays there.
    if (document.activeElement === null || document.activeElement === document.body) this.#screen.focus();
  }

  #show(data: ArrayBuffer): void {
    const bytes = new Uint8Array(data);
    this.#screen.write(bytes, () => {
      this.#seen += bytes.length;
      this.#openWhenShown();
      if (this.#seen - this.#told < tellEvery) return;
      this.#told = this.#seen;
      this.#line?.send(JSON.stringify({ seen: this.#seen }));
    });
  }

  #end(code: number, reason: string): void {
    if (this.state.kind === 'ended') return;
    if (code !== 4002) this.#forget();
    this.#set({
      kind: 'ended',
      what: words[code] ?? (reason === '' ? 'The terminal cannot be reached.' : `${reason}.`),
    });
  }

  #set(state: State): void {
    this.state = state;
    this.#screen.setEnabled(state.kind === 'open');
  }

  #forget(): void {
    this.#terminal = undefined;
    this.#seen = this.#told = 0;
    sessionStorage.removeItem(this.#key);
  }
}

/** By the codes of `gateway/api/open-streams.ts`. */
const words: Record<number, string | undefined> = {
  1008: 'You may not use this terminal any more.',
  4001: 'The service is not running.',
  4002: 'This terminal is open on another page.',
  4029: 'Too many terminals are open. Close one of them first.',
};
