import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { saturate } from './generators.ts';
import { startKnot } from './knot.ts';
import type { Certificate } from './peers.ts';
import { stopServer } from './servers.ts';
import type { Upstream } from './upstream.ts';

type Frame = { functionName: string; url: string; lineNumber: number };
type Profile = {
  nodes: { id: number; callFrame: Frame; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
};

export type Share = { place: string; own: number; total: number };

/**
 * Where the gateway's time goes for 1 KiB requests: V8's sampling profile of a loaded gateway. `(program)` is native code outside of any
 * function, mostly TLS and system calls of reads.
 */
export async function profile(
  protocol: 'h1' | 'h2',
  setting: { folder: string; upstream: Upstream; certificate: Certificate; copyTo: string },
): Promise<string> {
  const { folder, upstream, certificate, copyTo } = setting;
  const target = join(folder, 'profile');
  const nodeArguments = ['--cpu-prof', '--cpu-prof-interval', '500', `--cpu-prof-dir=${target}`];
  const knot = await startKnot({ folder, upstreamPort: upstream.filesPort, certificate, nodeArguments });
  const shape = protocol === 'h1' ? { connections: 50, streams: 1 } : { connections: 10, streams: 10 };
  await saturate({ proxy: knot, path: '/1k', protocol, ...shape, seconds: 10 }, upstream);
  await stopServer(knot.child);
  const file = join(
    target,
    readdirSync(target).find((name) => name.endsWith('.cpuprofile'))!,
  );
  copyFileSync(file, copyTo);
  return describeProfile(copyTo, 60);
}

/** The parts and the `most` functions with the largest own time. */
export function describeProfile(file: string, most: number): string {
  const samples = loadedPart(JSON.parse(readFileSync(file, 'utf8')) as Profile);
  const line = ({ place, own, total }: Share): string => `${percent(own)} ${percent(total)}  ${place}`;
  return [
    '  own  total  part',
    ...sharesOf(samples, partOf).slice(0, most).map(line),
    '',
    '  own  total  function',
    ...sharesOf(samples, placeOf).slice(0, most).map(line),
  ].join('\n');
}

type Stack = { frames: Frame[]; time: number };

/** Every sample with its stack, own function first, from the first request on and without idle time. */
function loadedPart({ nodes, samples, timeDeltas }: Profile): Stack[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const stacks = samples.map((id, index) => {
    const frames: Frame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) frames.push(byId.get(at)!.callFrame);
    return { frames, time: timeDeltas[index]! };
  });
  const begin = stacks.findIndex(({ frames }) =>
    frames.some(({ url }) => /\/proxy\/(?:exchange\/exchange|tunnel\/tunnel)\.ts$/.test(url)),
  );
  return stacks.slice(begin).filter(({ frames }) => frames[0]!.functionName !== '(idle)');
}

/** Own and total time of each place as a share of the whole. */
function sharesOf(stacks: readonly Stack[], placeIn: (frame: Frame) => string): Share[] {
  const own = new Map<string, number>();
  const total = new Map<string, number>();
  let busy = 0;
  for (const { frames, time } of stacks) {
    busy += time;
    const places = frames.map(placeIn);
    own.set(places[0]!, (own.get(places[0]!) ?? 0) + time);
    for (const place of new Set(places)) total.set(place, (total.get(place) ?? 0) + time);
  }
  return [...total]
    .map(([place, time]) => ({ place, own: (own.get(place) ?? 0) / busy, total: time / busy }))
    .sort((a, b) => b.own - a.own);
}

/** The module of the house, the package, or the part of Node a function belongs to. */
function partOf({ functionName, url }: Frame): string {
  if (url === '') return functionName.startsWith('RegExp') ? 'RegExp' : functionName;
  if (url.startsWith('wasm')) return 'wasm';
  if (url.startsWith('node:')) return url;
  return /(gateway\/\w+|node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url;
}

function percent(share: number): string {
  return (share * 100).toFixed(1).padStart(5);
}

function placeOf({ functionName, url, lineNumber }: Frame): string {
  if (url === '') return functionName;
  const file = url.replace(/^file:\/\//, '').replace(/^.*?\/(gateway|node_modules)\//, '$1/');
  return `${file}:${functionName || '(anonymous)'}:${lineNumber + 1}`;
}
