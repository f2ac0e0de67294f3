import { type Config, parseAmount } from '../config/index.ts';
import type { Plan } from '../owners/index.ts';

/** The plans of the configuration, amounts in bytes. */
export const configuredPlans = ({ plans }: Pick<Config, 'plans'>): Plan[] =>
  plans.map(({ name, title = name, defaultFor, storage, memory, resources = [], ...limits }) => ({
    ...{ name, title, defaultFor },
    ...bytes('storage', storage),
    ...bytes('memory', memory),
    ...(resources.length > 0 && { resources: Object.fromEntries(resources.map(({ name, count }) => [name, count])) }),
    ...limits,
  }));

const bytes = <K extends string>(key: K, text: string | undefined): { [key in K]?: number } => {
  const amount = text === undefined ? undefined : parseAmount(text);
  return amount === undefined ? {} : ({ [key]: amount } as { [key in K]: number });
};
