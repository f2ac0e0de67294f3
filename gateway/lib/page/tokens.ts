/**
 * The colours, type and space of every page: the pages outside the dashboard inline them, `dashboard/src/app.css` repeats
 * them (a test compares). Colours are OKLCH; neutrals carry a trace of the accent's hue. Each pair that carries text
 * is at least 4.5:1 and each shape 3:1 in both themes (`test/lib/page.test.ts`).
 */

/** A value per theme. */
export type ThemedColor = { light: string; dark: string };

export const colorTokens = {
  /** Behind everything. */
  canvas: { light: 'oklch(0.972 0.006 222)', dark: 'oklch(0.185 0.012 228)' },
  /** Cards, table rows, dialogs. */
  surface: { light: 'oklch(0.997 0.002 222)', dark: 'oklch(0.228 0.014 228)' },
  /** Code, read-only facts, hovered rows: lies a little lower than the surface. */
  sunken: { light: 'oklch(0.953 0.008 222)', dark: 'oklch(0.272 0.016 228)' },
  /** Hairlines that only separate. */
  line: { light: 'oklch(0.905 0.01 222)', dark: 'oklch(0.325 0.018 228)' },
  /** Borders of fields and other controls: 3:1 against surface and canvas. */
  edge: { light: 'oklch(0.61 0.02 224)', dark: 'oklch(0.6 0.022 226)' },
  text: { light: 'oklch(0.235 0.02 228)', dark: 'oklch(0.952 0.006 222)' },
  /** Second rank: hints, captions, dates. */
  soft: { light: 'oklch(0.465 0.022 228)', dark: 'oklch(0.752 0.016 224)' },
  /** The one accent: primary action, selection, focus, links. */
  accent: { light: 'oklch(0.465 0.082 222)', dark: 'oklch(0.79 0.092 212)' },
  /** The accent under the pointer. */
  'accent-strong': { light: 'oklch(0.4 0.072 223)', dark: 'oklch(0.85 0.08 210)' },
  /** A breath of accent behind what is selected. */
  'accent-wash': { light: 'oklch(0.945 0.022 218)', dark: 'oklch(0.295 0.038 222)' },
  'on-accent': { light: 'oklch(0.99 0.004 222)', dark: 'oklch(0.19 0.03 226)' },
  /** States; always with a shape and a word beside the colour. */
  ready: { light: 'oklch(0.5 0.115 152)', dark: 'oklch(0.79 0.14 154)' },
  'ready-wash': { light: 'oklch(0.952 0.03 155)', dark: 'oklch(0.29 0.038 156)' },
  working: { light: 'oklch(0.5 0.12 252)', dark: 'oklch(0.77 0.105 248)' },
  'working-wash': { light: 'oklch(0.95 0.022 250)', dark: 'oklch(0.295 0.045 252)' },
  asleep: { light: 'oklch(0.5 0.06 292)', dark: 'oklch(0.77 0.06 292)' },
  'asleep-wash': { light: 'oklch(0.95 0.014 292)', dark: 'oklch(0.295 0.03 290)' },
  warning: { light: 'oklch(0.515 0.105 68)', dark: 'oklch(0.82 0.12 78)' },
  'warning-wash': { light: 'oklch(0.956 0.035 82)', dark: 'oklch(0.3 0.042 76)' },
  failed: { light: 'oklch(0.515 0.175 27)', dark: 'oklch(0.765 0.13 25)' },
  'failed-wash': { light: 'oklch(0.955 0.02 22)', dark: 'oklch(0.295 0.048 24)' },
} as const satisfies Record<string, ThemedColor>;

export type ColorToken = keyof typeof colorTokens;

/** Everything that is the same in both themes. Space is a 4 px grid; five sizes and two weights of type. */
export const plainTokens = {
  'font-sans': "'Inter Variable',Inter,system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif",
  'font-mono': "ui-monospace,'Cascadia Mono','SF Mono',Menlo,Consolas,monospace",
  'size-small': '0.8125rem',
  'size-body': '1rem',
  'size-lead': '1.125rem',
  'size-title': '1.5rem',
  'size-display': '2rem',
  'weight-text': '420',
  'weight-strong': '600',
  'space-1': '0.25rem',
  'space-2': '0.5rem',
  'space-3': '0.75rem',
  'space-4': '1rem',
  'space-6': '1.5rem',
  'space-8': '2rem',
  'space-12': '3rem',
  radius: '10px',
  'radius-small': '6px',
  target: '44px',
  shadow: '0 1px 2px oklch(0.2 0.03 228 / 0.06),0 12px 32px -12px oklch(0.2 0.03 228 / 0.18)',
} as const;

/**
 * The custom properties as CSS declarations. Both themes stand in one value (`light-dark()`), so that the theme follows
 * the system and a switch needs only `color-scheme: light` or `dark` on the root.
 */
export function tokenDeclarations(): string {
  const colors = Object.entries(colorTokens).map(([name, { light, dark }]) => `--${name}:light-dark(${light},${dark})`);
  const plain = Object.entries(plainTokens).map(([name, value]) => `--${name}:${value}`);
  return [...colors, ...plain].join(';');
}
