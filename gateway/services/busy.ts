import { setTimeout as delay } from 'node:timers/promises';
import { type BusyPlan, isJsonObject, type JsonValue, memberOf, namesIn } from '../lib/index.ts';
import { type AskedAt, askAt } from './ask.ts';

/** Over which the use of processors is measured. */
const measuredMs = 2_000;

/**
 * Whether a program works at something, as its template says that it is found out: by what it answers, or by how many processors it
 * uses now (`processors`).
 * A program that cannot be asked is not taken for one that works: it would be awake for ever.
 */
export async function isBusy(
  { path, pointer = '', is, cpu }: BusyPlan,
  { at, processors }: { at: AskedAt; processors: () => Promise<number> },
): Promise<boolean> {
  if (path !== undefined) {
    const answer = await askAt(at, path, { readsBody: true });
    if (answer?.status === 200 && saysBusy(answer.body, pointer, is)) return true;
  }
  return cpu !== undefined && (await processors()) >= cpu;
}

/** Processors that are used from now on, for a while, by what counts the milliseconds of them. */
export async function measured(processorMs: () => number): Promise<number> {
  const from = { at: performance.now(), used: processorMs() };
  await delay(measuredMs, undefined, { ref: false });
  return (processorMs() - from.used) / (performance.now() - from.at);
}

export function saysBusy(text: string, pointer: string, is: readonly JsonValue[] | undefined): boolean {
  let answer: JsonValue;
  try {
    answer = JSON.parse(text) as JsonValue;
  } catch {
    return false;
  }
  const found = partsAt(answer, namesIn(pointer));
  return found.some((value) => (is === undefined ? isSomething(value) : is.includes(value)));
}

/** RFC 6901, and `*` for each part. */
function partsAt(value: JsonValue, [name, ...rest]: readonly string[]): JsonValue[] {
  if (name === undefined) return [value];
  if (value === null || typeof value !== 'object') return [];
  if (name === '*') return Object.values(value).flatMap((part) => partsAt(part, rest));
  const member = memberOf(value, name);
  return member === undefined ? [] : partsAt(member, rest);
}

const isSomething = (value: JsonValue): boolean =>
  Array.isArray(value) ? value.length > 0 : isJsonObject(value) ? Object.keys(value).length > 0 : Boolean(value);
