/** How full something is that a plan bounds: one picture and one sentence for every page that tells it. Pure. */
import type { EffectivePlan, OwnerPlan, Plan } from '#lib/contract.ts';
import { byteSize, counted, duration, memorySize } from '#lib/words.ts';

/** Bytes; `reserved`: promised to what is being written; without `limit` as much as the disk takes. */
export type Usage = { bytes: number; reserved?: number; limit?: number | undefined };

export type Fullness = {
  /** Parts of the bar, 0 to 1; more than what is allowed is drawn as a full bar. */
  used: number;
  reserved: number;
  tone: 'calm' | 'nearly' | 'over';
  /** `3.2 GB of 5 GB used`. */
  words: string;
  /** What it means, where it means something. */
  meaning: string | undefined;
};

/** From here on somebody had better look for what is not needed. */
const nearly = 0.9;

/** The part of a limit that an amount is, 0 to 1. */
const shareOf = (amount: number, limit: number): number =>
  limit === 0 ? Number(amount > 0) : Math.min(1, amount / limit);

/** What one thing is that a plan bounds, how full it is, and whether it is bounded at all. */
export type Part = { about: string; isLimited: boolean; shown: Fullness };

/** `words`: where it is not limited, and where it is. `isCalm`: a full one is nothing to worry about; more than allowed is. */
export function partOf(
  about: string,
  { amount, limit, isCalm = false }: { amount: number; limit: number | undefined; isCalm?: boolean },
  [free, limited]: readonly [free: string, limited: string],
): Part {
  const used = limit === undefined ? 0 : shareOf(amount, limit);
  const isNearly = !isCalm && used >= nearly;
  const tone = limit !== undefined && amount > limit ? 'over' : isNearly ? 'nearly' : 'calm';
  const words = limit === undefined ? free : limited;
  return { about, isLimited: limit !== undefined, shown: { used, reserved: 0, tone, words, meaning: undefined } };
}

export function fullnessOf({ bytes, reserved = 0, limit }: Usage): Fullness {
  if (limit === undefined) {
    return { used: 0, reserved: 0, tone: 'calm', words: `${byteSize(bytes)} used, not limited`, meaning: undefined };
  }
  const used = shareOf(bytes, limit);
  const words = `${byteSize(bytes)} of ${byteSize(limit)} used`;
  if (bytes > limit) {
    const meaning = `${byteSize(bytes - limit)} over: nothing is lost, and nothing more fits until less than ${byteSize(limit)} is used.`;
    return { used: 1, reserved: 0, tone: 'over', words, meaning };
  }
  const promised = limit === 0 ? 0 : Math.min(1 - used, reserved / limit);
  const isNearly = limit > 0 && used + promised >= nearly;
  const meaning = isNearly ? 'Nearly full. What is in the trash counts until it is emptied.' : undefined;
  return { used, reserved: promised, tone: isNearly ? 'nearly' : 'calm', words, meaning };
}

type Held = NonNullable<OwnerPlan['held']>;

/** What services have of what a plan allows: how many, processors, memory. A full part is nothing to worry about; more than allowed is. */
export function heldParts(held: Held, limits: Partial<Held>): Part[] {
  const part = (about: string, amount: number, limit: number | undefined, words: [string, string]): Part =>
    partOf(about, { amount, limit, isCalm: true }, words);
  const { services, cpu, memory } = limits;
  const processors = Math.round(held.cpu * 100) / 100;
  return [
    part('Services', held.services, services, [
      counted(held.services, 'service runs', 'services run'),
      `${held.services} of ${services} run`,
    ]),
    part('Processors', held.cpu, cpu, [
      counted(processors, 'processor', 'processors'),
      `${processors} of ${counted(cpu ?? 0, 'processor', 'processors')}`,
    ]),
    part('Memory', held.memory, memory, [
      `${memorySize(held.memory)} of memory`,
      `${memorySize(held.memory)} of ${memorySize(memory ?? 0)} of memory`,
    ]),
  ];
}

/** The part that is nearest to its limit; how many run where nothing is limited. */
export const nearestLimit = (parts: readonly Part[]): Part =>
  parts.reduce((nearest, part) =>
    part.isLimited && (!nearest.isLimited || part.shown.used > nearest.shown.used) ? part : nearest,
  );

/** What a plan allows, in two words: `20 GB`, `no limit`. */
export const storageWords = (storage: number | null | undefined): string =>
  storage === null || storage === undefined ? 'no limit' : byteSize(storage);

/** So much of a machine: `4 processors`, `8 GiB of memory`. */
export const machineWords = ({ cpu, memory }: { cpu?: number; memory?: number }): string[] => [
  ...(cpu === undefined ? [] : [counted(cpu, 'processor', 'processors')]),
  ...(memory === undefined ? [] : [`${memorySize(memory)} of memory`]),
];

/** What a plan allows of services: `3 at once, 4 processors, 8 GiB of memory`; `no limit` for one that says nothing of them. */
export function servicesWords(plan: Pick<Plan, 'services' | 'cpu' | 'memory' | 'idleSeconds'>): string {
  const { services, idleSeconds } = plan;
  const words = [
    ...(services === undefined ? [] : [services === 0 ? 'none' : `${services} at once`]),
    ...machineWords(plan),
    ...(idleSeconds ? [`asleep after ${duration(idleSeconds * 1000)}`] : []),
  ];
  return words.length === 0 ? 'no limit' : words.join(', ');
}

/** Why a plan is in force. */
export function reasonWords({ source, lost, plan }: EffectivePlan): string {
  const why = { given: 'given by an admin', default: 'the default', none: 'nothing is limited' }[source];
  const gone = lost === undefined ? '' : `; the plan “${lost}” that was given is not in knot.yaml any more`;
  return `${plan === null && source !== 'none' ? 'no plan, ' : ''}${why}${gone}`;
}
