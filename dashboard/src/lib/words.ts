/** How times, counts and machine words read to a person. Pure: `now` is handed in. */

const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** `just now`, `3 minutes ago`, `in 2 days`, `yesterday`. Both in milliseconds. */
export function relativeTime(at: number, now: number, locale?: string): string {
  const seconds = (at - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 10 ? format.format(Math.trunc(seconds), 'second') : 'just now';
}

/** `Monday, 23 November 2026 at 07:00:12` in the reader's locale. */
export function exactTime(at: number, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' }).format(at);
}

/** `23 Nov 2026, 07:00:12` in the reader's locale. */
export function shortTime(at: number, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
}

/** `4 s`, `2 min 5 s`, `1 h 3 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Words of somebody else, ended as a sentence is. */
export const sentence = (words: string): string => (/[.!?…]$/.test(words.trim()) ? words.trim() : `${words.trim()}.`);

/** `1 person`, `3 people`. */
export function counted(count: number, one: string, many: string): string {
  return `${new Intl.NumberFormat().format(count)} ${count === 1 ? one : many}`;
}

/** `Good morning` … by the reader's own clock; whoever works in the small hours is greeted, not sent to bed. */
export function greeting(hour: number): string {
  if (hour < 5) return 'Hello';
  if (hour < 12) return 'Good morning';
  return hour < 18 ? 'Good afternoon' : 'Good evening';
}

/** `ann` → `A`, `annlee` → `A`: one letter, since a username carries no word breaks. */
export function initial(name: string): string {
  return name.charAt(0).toUpperCase();
}

/** `Génomique & co` → `genomiqueco`: a name for what has this title, or '' when none of its letters can stand in one. */
export function proposedName(title: string): string {
  const plain = title
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
  return plain.replace(/^[0-9]+/, '').slice(0, 30);
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(words);
}

const components: Record<string, string> = {
  store: 'Database',
  policies: 'Policies',
  certificate: 'Certificate',
  files: 'Files',
  jupyterhub: 'Notebooks (JupyterHub)',
  'notebook-isolation': 'Isolation of notebooks',
  'notebook-network': 'Network of notebooks',
  'apps-domain': 'Domain of services',
  node: 'Node.js runtime',
  audit: 'Audit record',
  keys: 'Signing keys',
  mail: 'Mail',
};

/** `store` → `Database`; a part with a title of its own keeps it, other names become words: `disk-space` → `Disk space`. */
export function componentTitle({ name, title }: { name: string; title?: string }): string {
  const words = name.replaceAll(/[-_]/g, ' ');
  return title ?? components[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `0 B`, `999 B`, `1.2 kB`, `34 MB`: two digits where they say something, in steps of 1000 as disks are sold. */
export const byteSize = (bytes: number): string => sizeIn(byteUnits, 1000, bytes);

const memoryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1 GiB`, `1.5 GiB`: in steps of 1024, as memory is made and as `knot.yaml` says it. */
export const memorySize = (bytes: number): string => sizeIn(memoryUnits, 1024, bytes).replace('.0 ', ' ');

function sizeIn(units: readonly string[], step: number, bytes: number): string {
  let size = bytes;
  let unit = 0;
  // What would be rounded to a whole step is 1 of the next unit.
  while (size >= step - 0.5 && unit < units.length - 1) {
    size /= step;
    unit += 1;
  }
  const digits = unit === 0 || size >= 9.95 ? 0 : 1;
  return `${size.toFixed(digits)} ${units[unit]}`;
}
