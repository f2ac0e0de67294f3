import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { setStylesByProperty, withAdoptedStyles } from '#lib/services/terminal/styles.ts';

export type Size = { columns: number; rows: number };

/** xterm.js with all that Knot wants of it; loaded when a terminal is looked at. */
export type Screen = {
  size(): Size;
  /** `shown`: it is on the screen. */
  write(bytes: Uint8Array | string, shown?: () => void): void;
  clear(): void;
  focus(): void;
  /** Types as if by the keyboard. */
  type(text: string): void;
  selection(): string;
  setEnabled(isEnabled: boolean): void;
  setColors(): void;
  close(): void;
};

export function openScreen(
  element: HTMLElement,
  {
    ontype,
    onsize,
    onpress,
  }: { ontype: (text: string) => void; onsize: (size: Size) => void; onpress: (text: string) => string },
): Screen {
  const terminal = new Terminal({
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--font-mono'),
    fontSize: 13,
    lineHeight: 1.2,
    scrollback: 5_000,
    cursorBlink: false,
    minimumContrastRatio: 4.5,
    theme: colorsOf(element),
    screenReaderMode: false,
    allowProposedApi: false,
  });
  // Whatever a program asks of the clipboard or of the title is its own wish (OSC 52, OSC 0 to 2), and its links are words (OSC 8).
  for (const code of [0, 1, 2, 8, 52]) terminal.parser.registerOscHandler(code, () => true);
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  withAdoptedStyles(() => terminal.open(element));
  setStylesByProperty(terminal);
  fit.fit();
  terminal.onData((text) => ontype(onpress(text)));
  terminal.onBinary((text) => ontype(text));
  terminal.onResize(({ cols, rows }) => onsize({ columns: cols, rows }));
  // Ctrl+Shift+C copies, as terminals do; Ctrl+C is for the program. Tab leaves with Ctrl+Shift+Tab only.
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey) return true;
    if (event.code === 'KeyC' && terminal.hasSelection()) {
      event.preventDefault();
      void navigator.clipboard.writeText(terminal.getSelection());
      return false;
    }
    return event.code !== 'Tab' && event.code !== 'KeyV';
  });
  const sizes = new ResizeObserver(() => fit.fit());
  sizes.observe(element);
  return {
    size: () => ({ columns: Math.max(2, terminal.cols), rows: Math.max(2, terminal.rows) }),
    write: (bytes, shown) => terminal.write(bytes, shown),
    clear: () => terminal.reset(),
    focus: () => terminal.focus(),
    type: (text) => terminal.input(text),
    selection: () => terminal.getSelection(),
    setEnabled(isEnabled) {
      terminal.options.disableStdin = !isEnabled;
      terminal.options.cursorInactiveStyle = isEnabled ? 'outline' : 'none';
    },
    setColors: () => void (terminal.options.theme = colorsOf(element)),
    close() {
      sizes.disconnect();
      terminal.dispose();
    },
  };
}

/** The colours of the page, as xterm.js reads them: it knows no `oklch()` and no `light-dark()`. */
function colorsOf(element: HTMLElement) {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
  const probe = document.createElement('span');
  element.append(probe);
  const color = (name: string): string => {
    probe.style.color = `var(--${name})`;
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return `#${[red, green, blue].map((part) => part!.toString(16).padStart(2, '0')).join('')}`;
  };
  const [text, soft, surface] = [color('text'), color('soft'), color('surface')];
  const [red, green, yellow] = [color('failed'), color('ready'), color('warning')];
  const [blue, magenta, cyan] = [color('working'), color('asleep'), color('accent')];
  const theme = {
    ...{ background: surface, foreground: text, cursor: text, cursorAccent: surface },
    selectionBackground: color('accent-wash'),
    ...{ black: text, red, green, yellow, blue, magenta, cyan, white: soft },
    ...{ brightBlack: soft, brightRed: red, brightGreen: green, brightYellow: yellow },
    ...{ brightBlue: blue, brightMagenta: magenta, brightCyan: cyan, brightWhite: text },
  };
  probe.remove();
  return theme;
}
