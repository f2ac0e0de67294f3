/** What the fields of a form know besides their own value. */
import { getContext, setContext } from 'svelte';
import type { Owner, Size, Sizes } from '#lib/contract.ts';
import type { Option } from './controls.ts';
import type { JsonValue } from './pointer.ts';

/** Of a plan: processors, and bytes of memory. `accelerators`: what the cluster has of them, and what the plan allows. */
export type Left = { cpu: number; memory: number; accelerators: Sizes['accelerators'] };

export type FormFacts = {
  /** For whom it is started; undefined while nobody is chosen. */
  owner: Pick<Owner, 'kind' | 'name'> | undefined;
  /** Those a person may choose from. */
  owners: readonly Owner[];
  sizes: readonly Size[];
  /** What is left of an owner's plan, where that is asked before a size is chosen. */
  leftOf?(owner: string): Promise<Left | undefined>;
  /** What there is of an owner's services to choose from. */
  servicesOf(owner: string): Promise<readonly Option[]>;
  /** What the template says a field begins with. */
  defaultAt(pointer: string): JsonValue | undefined;
  /** Whether values come from a schema that somebody wrote, or from values.yaml. */
  isInferred: boolean;
};

export type Ties = { id: string; 'aria-invalid': true | undefined; 'aria-describedby': string | undefined };

const key = Symbol('facts of a form');

export const provideFacts = (facts: () => FormFacts): unknown => setContext(key, facts);
/** Asked for when a component is made; what it returns follows changes. */
export const factsAround = (): (() => FormFacts) => getContext<() => FormFacts>(key);
