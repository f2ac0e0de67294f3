import { type Config, parseAmount } from '../config/index.ts';
import type { Plan } from '../owners/index.ts';

/** The plans of the configuration, amounts in bytes. */
export const configuredPlans = ({ plans }: Pick<Config, 'plans'>): Plan[] =>
  plans.map(({ name, title = name, defaultFor, storage }) => {
    const bytes = storage === undefined ? undefined : parseAmount(storage);
    return { name, title, defaultFor, ...(bytes === undefined ? {} : { storage: bytes }) };
  });
