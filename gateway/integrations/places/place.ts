import type { ToolOwner } from '../integration.ts';

/** What a person or team has in a tool, as it was seen last. */
export type ToolPlace = {
  tool: string;
  owner: Pick<ToolOwner, 'kind' | 'id' | 'name'>;
  state: 'ready' | 'failed';
  /** One plain sentence, where it failed. */
  cause?: string;
  /** Since when it is in this state; milliseconds since the epoch. */
  since: number;
};
