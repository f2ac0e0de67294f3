/** Browsers from the most to the least particular: the later names also stand in the earlier ones' User-Agent. */
const browsers: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\bHeadlessChrome\//, 'Headless Chromium'],
  [/\bChromium\//, 'Chromium'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/\bcurl\//, 'curl'],
  [/\bpython-|\bPython\//, 'Python'],
];

const systems: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPod)\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\b(Macintosh|Mac OS X)\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

const longestRead = 512;
const longestShown = 60;

/**
 * A User-Agent as a person would say it: `Firefox on Linux`, at most 60 printable characters. A text that is no User-Agent
 * (no `name/version`) is taken as said already.
 */
export function describeDevice(userAgent: string | undefined): string {
  const text = (userAgent ?? '')
    .slice(0, longestRead)
    .replace(/[^\x20-\x7e]/g, '')
    .trim();
  if (!/\w\/[\w.]/.test(text)) return text.slice(0, longestShown) || 'Unknown device';
  const browser = nameIn(browsers, text);
  const system = nameIn(systems, text);
  if (browser && system) return `${browser} on ${system}`;
  return (browser ?? system ?? text.split('/', 1)[0]!.trim()).slice(0, longestShown) || 'Unknown device';
}

function nameIn(table: readonly (readonly [RegExp, string])[], text: string): string | undefined {
  return table.find(([pattern]) => pattern.test(text))?.[1];
}
