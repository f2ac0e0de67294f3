import type { Owner } from '../owners/index.ts';
import type { Step } from './steps.ts';

/**
 * Somebody's place in the cluster: their namespace and what makes it theirs. `leaving`: its owner is gone, and it goes after the time
 * of grace.
 */
export type Place = {
  owner: Pick<Owner, 'kind' | 'id' | 'name'>;
  namespace: string;
  state: 'making' | 'ready' | 'failed' | 'paused' | 'leaving';
  /** Epoch milliseconds. */
  since: number;
  steps: readonly Step[];
  /** What administrators took over: the object, and why as they wrote it. */
  overrides: readonly { object: string; reason: string }[];
};
