/**
 * The last step of a run of tests: `rights-of-run.ts FOLDER whole|partial [--table]` holds what the gateways of all its files asked of a
 * cluster, as its audit logs have it, against the roles of the chart, both ways. Ends with 1 when something does not fit: a call that no
 * rule of theirs allows and, after a whole run, a right that nobody used. `--table` prints that of `charts/knot/README.md`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterPrograms } from '../cluster/build.ts';
import { accountOfGateway, type LeftCalls, readLeftCalls } from '../cluster/left-calls.ts';
import { rulesOfGateway } from './as-gateway.ts';
import { chartFolder, helmIn, objectsIn } from './helm.ts';
import { type Right, type Rule, rightsOf, rightsUsed } from './rights-used.ts';

export type RightsOfRun = {
  /** Files of tests in which a gateway had the account of the chart. */
  files: string[];
  /** Of each right that was used its first call, and the files that used it. */
  used: Map<Right, { call: string; files: string[] }>;
  neverUsed: Right[];
  /** `FILE: CALL` of what no rule allows. */
  unfit: string[];
};

export function rightsOfRun(left: readonly LeftCalls[], rules: readonly Rule[]): RightsOfRun {
  const used: RightsOfRun['used'] = new Map();
  const unfit = new Set<string>();
  const unused = left.map(({ file, records }) => {
    const { calls, unlisted, neverUsed } = rightsUsed(records, accountOfGateway, rules);
    for (const [right, call] of calls) {
      const known = used.get(right) ?? { call, files: [] };
      if (!known.files.includes(file)) known.files.push(file);
      used.set(right, known);
    }
    for (const call of unlisted) unfit.add(`${file}: ${call}`);
    return new Set(neverUsed);
  });
  const neverUsed = rightsOf(rules).filter((right) => unused.every((rights) => rights.has(right)));
  return { files: [...new Set(left.map(({ file }) => file))], used, neverUsed, unfit: [...unfit].sort() };
}

/** What is said at the end of a run, and whether all of it fits. */
export function verdictOf(
  { files, used, neverUsed, unfit }: RightsOfRun,
  isWhole: boolean,
): { isFit: boolean; text: string } {
  if (files.length === 0) return { isFit: !isWhole, text: 'rights  no gateway had the account of the chart' };
  const told = (what: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`rights  ${what}`, ...lines.map((line) => `        ${line}`)];
  const lines = [
    `rights  ${isWhole ? 'whole' : 'partial'}: ${files.length} files used ${used.size} rights of the chart`,
    ...told('asked for, and in no rule of the chart:', unfit),
    ...(isWhole ? told('in the chart, and used by no test:', neverUsed) : []),
  ];
  return { isFit: unfit.length === 0 && (!isWhole || neverUsed.length === 0), text: lines.join('\n') };
}

if (import.meta.main) {
  const [folder = '', extent = 'partial', ...more] = process.argv.slice(2);
  const programs = await clusterPrograms();
  if ('skip' in programs) console.log(`rights  not compared: ${String(programs.skip)}`);
  else {
    const home = mkdtempSync(join(tmpdir(), 'knot-rights-'));
    const rendered = await helmIn(
      home,
      programs.helm,
    )(['template', 'knot', chartFolder, '-s', 'templates/rbac-gateway.yaml']);
    rmSync(home, { recursive: true, force: true });
    const run = rightsOfRun(readLeftCalls(folder), rulesOfGateway(objectsIn(rendered)));
    const { isFit, text } = verdictOf(run, extent === 'whole');
    console.log(more.includes('--table') ? tableOf(run) : text);
    process.exitCode = isFit ? 0 : 1;
  }
}

/** As Markdown: for each thing what was asked of it, the verbs of one address together, and files of tests that did. */
export function tableOf({ used }: RightsOfRun): string {
  const things = new Map<string, { calls: Map<string, Set<string>>; files: Set<string> }>();
  for (const [right, { call, files }] of used) {
    const [verb = '', thing = ''] = right.split('=')[0]!.split(' ');
    const found = things.get(thing) ?? { calls: new Map(), files: new Set() };
    things.set(thing, found);
    const address = addressIn(call);
    found.calls.set(address, (found.calls.get(address) ?? new Set()).add(verb));
    found.files.add(files[0]!.replace(/^test\//, ''));
  }
  const rows = [...things].map(([thing, { calls, files }]) => {
    const asked = [...calls].map(([address, verbs]) => `${[...verbs].sort().join(', ')} \`${address}\``);
    return `| \`${thing}\` | ${asked.sort().join('; ')} | ${[...files].sort().join(', ')} |`;
  });
  return ['| what | what was asked | in (of `test/`) |', '|---|---|---|', ...rows.sort()].join('\n');
}

/** Of a call its address, with the names of people, teams and volumes left out. */
function addressIn(call: string): string {
  return call
    .replace(/^[a-z]+ (?=\/)/, '')
    .replace(/\/namespaces\/[^/]+/, '/namespaces/NAMESPACE')
    .replace(/\/persistentvolumes\/[^/]+$/, '/persistentvolumes/NAME')
    .replace(/serviceaccount:[^:]+:/, 'serviceaccount:NAMESPACE:')
    .replace(/^\/apis?\//, '');
}
