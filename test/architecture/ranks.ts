import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** The house (DESIGN.md section 3): a module imports lower ranks only, through their door. */
export const ranks: Record<string, number> = {
  lib: 0,
  ...Object.fromEntries(['config', 'store', 'kube', 'tls', 'process', 'mail'].map((name) => [name, 1])),
  ...Object.fromEntries(
    ['accounts', 'sessions', 'policy', 'routes', 'audit', 'denials', 'live', 'keys', 'owners', 'shares', 'tokens'].map(
      (name) => [name, 2],
    ),
  ),
  ...Object.fromEntries(
    [
      'login',
      'oidc',
      'proxy',
      'provisioning',
      'services',
      'catalogue',
      'files',
      'integrations',
      'admission',
      'metrics',
      'discovery',
    ].map((name) => [name, 3]),
  ),
  ...Object.fromEntries(['api', 'guests', 'ui', 'ops'].map((name) => [name, 4])),
  ...Object.fromEntries(['main', 'cli', 'app', 'bin'].map((name) => [name, 5])),
};

/**
 * The rooms inside a module that has some: a room imports lower floors only, by types as well. Files that stand in no room tell the
 * module's story and are above them all.
 */
export const rooms: Record<string, Record<string, number>> = {
  files: { walk: 0, watch: 1, act: 1, look: 2, quota: 3, uploads: 4, locks: 4 },
  proxy: { wire: 0, judge: 1, message: 2, listener: 3, upstream: 3, exchange: 4, 'sign-in': 4, tunnel: 5 },
};

/** A longer file holds two ideas. */
export const maxLines = 400;
/** What a pure module may not touch. `node:crypto`, `node:net` (isIP only) and `node:buffer` compute. */
const inputOutput =
  /^node:(fs|http|https|http2|tls|dgram|dns|child_process|worker_threads|cluster|sqlite|readline|process)(\/|$)/;

export type Violation = {
  file: string;
  rule: 'sideways' | 'upward' | 'cycle' | 'past-door' | 'io-in-lib' | 'too-long' | 'unknown-module' | 'rooms';
  detail: string;
};

/** Reads every TypeScript file below `root` (a `gateway` folder) and names each broken rule. */
export function findViolations(root: string): Violation[] {
  const violations: Violation[] = [];
  const imports = new Map<string, string[]>();
  for (const file of typescriptFiles(root)) {
    const text = readFileSync(file, 'utf8');
    const name = relative(root, file);
    const module = moduleOf(name);
    const lines = text.split('\n').length - 1;
    if (lines > maxLines) violations.push({ file: name, rule: 'too-long', detail: `${lines} lines` });
    if (ranks[module] === undefined) {
      violations.push({ file: name, rule: 'unknown-module', detail: module });
      continue;
    }
    const targets: string[] = [];
    for (const specifier of importsOf(text)) {
      if (module === 'lib' && inputOutput.test(specifier))
        violations.push({ file: name, rule: 'io-in-lib', detail: specifier });
      if (!specifier.startsWith('.')) continue;
      const target = relative(root, resolve(dirname(file), specifier));
      // A type counts as well: it vanishes at run time, but who reads the one file has to know the other.
      targets.push(target);
      const violation = judge(name, module, target, root);
      if (violation) violations.push(violation);
    }
    imports.set(name, targets);
  }
  return [...violations, ...cyclesIn(imports)];
}

function judge(file: string, module: string, target: string, root: string): Violation | undefined {
  const other = moduleOf(target);
  if (other === module) return judgeRooms(file, module, target);
  const [from, to] = [ranks[module]!, ranks[other]];
  if (to === undefined) return { file, rule: 'unknown-module', detail: target };
  // Rank 5 is the table of contents and its two entrances: main and cli import app.
  const isEntrance =
    (module === 'main' && (other === 'cli' || other === 'app')) || (module === 'cli' && other === 'app');
  if (to === from && !isEntrance) return { file, rule: 'sideways', detail: target };
  if (to > from) return { file, rule: 'upward', detail: target };
  // contract.ts holds the types of what crosses HTTP and is a second door; app.ts is a door of its own, which `main` opens.
  const doors = ['index.ts', 'contract.ts'].map((name) => join(other, name));
  if (existsSync(join(root, other)) && target !== `${other}.ts` && !doors.includes(target))
    return { file, rule: 'past-door', detail: target };
  return undefined;
}

function judgeRooms(file: string, module: string, target: string): Violation | undefined {
  const floors = rooms[module];
  if (floors === undefined) return undefined;
  const [from, to] = [roomOf(file), roomOf(target)];
  if (from === to) return undefined;
  const floorOf = (room: string): number => (room === '' ? Infinity : (floors[room] ?? NaN));
  return floorOf(to) < floorOf(from) ? undefined : { file, rule: 'rooms', detail: target };
}

/** '' for a file that stands in no room of its module. */
function roomOf(path: string): string {
  const parts = path.split(sep);
  return parts.length > 2 ? parts[1]! : '';
}

function moduleOf(path: string): string {
  return path.split(sep)[0]!.replace(/\.ts$/, '');
}

function importsOf(text: string): string[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3]!);
}

function cyclesIn(imports: Map<string, string[]>): Violation[] {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: Violation[] = [];
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      cycles.push({ file, rule: 'cycle', detail: [...path.slice(path.indexOf(file)), file].join(' → ') });
      return;
    }
    state.set(file, 'open');
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of imports.keys()) visit(file, []);
  return cycles;
}

function typescriptFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
