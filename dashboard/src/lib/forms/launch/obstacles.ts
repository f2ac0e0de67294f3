/** What stands in the way of a start, from the check in the browser and from that of the gateway. */
import type { Launched } from '#lib/contract.ts';

export type Obstacle = Launched['obstacles'][number];
export type ValueProblem = { pointer: string; message: string };

const prefix = 'values';

/** What is wrong with values, each place once: the browser's word is the newer one. */
export function valueProblems(own: readonly ValueProblem[], told: readonly Obstacle[]): ValueProblem[] {
  const found = new Map(own.map(({ pointer, message }) => [pointer, message]));
  for (const { field, message } of told) {
    const pointer = field.slice(prefix.length);
    if (field.startsWith(prefix) && !found.has(pointer)) found.set(pointer, message);
  }
  return [...found].map(([pointer, message]) => ({ pointer, message }));
}

/** Everything, first what is no value; with the remedies that the gateway knows. */
export function allObstacles(problems: readonly ValueProblem[], told: readonly Obstacle[]): Obstacle[] {
  const remedyOf = (field: string): Pick<Obstacle, 'remedy'> => {
    const remedy = told.find((one) => one.field === field)?.remedy;
    return remedy === undefined ? {} : { remedy };
  };
  const others = told.filter(({ field }) => !field.startsWith(prefix));
  return [
    ...others,
    ...problems.map(({ pointer, message }) => ({ field: prefix + pointer, message, ...remedyOf(prefix + pointer) })),
  ];
}

/** What it would wait for after it was launched. */
export const waitsIn = (told: readonly Obstacle[]): Obstacle[] => told.filter(({ isWait }) => isWait === true);

export function wordsAt(field: string, told: readonly Obstacle[]): string | undefined {
  const found = told.filter((one) => one.field === field);
  return found.length === 0
    ? undefined
    : found.map(({ message, remedy }) => [message, remedy].filter(Boolean).join(' ')).join(' ');
}
