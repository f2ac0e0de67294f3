/** What can be done to workflows, wherever they are listed. */
import RotateCw from '@lucide/svelte/icons/rotate-cw';
import Square from '@lucide/svelte/icons/square';
import { toolsApi } from '#lib/api/tools.ts';
import type { WorkflowInList } from '#lib/contract.ts';
import type { Act } from '#lib/ui/list/columns.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';

/** `owner`: a team; without it they are mine. `again`: shows them as they are now. */
export function workflowActs(owner: string | undefined, again: () => Promise<unknown>): Act<WorkflowInList>[] {
  /** `words`: of one and of many. */
  const ask = (
    rows: readonly WorkflowInList[],
    run: (name: string) => Promise<WorkflowInList>,
    [one, many]: [string, string],
  ): Promise<void> =>
    performOnAll({
      rows,
      nameOf: ({ name }) => name,
      run: ({ name }) => run(name),
      done: (asked) => (asked.length === 1 ? `“${asked[0]!.name}” ${one}.` : `${asked.length} workflows ${many}.`),
      refresh: again,
    });
  return [
    {
      label: 'Stop',
      icon: Square,
      fits: ({ acts }) => acts.includes('stop'),
      act: (rows) =>
        ask(rows, (name) => toolsApi.stopWorkflow(name, { owner }), ['is told to stop', 'are told to stop']),
    },
    {
      label: 'Run once more',
      icon: RotateCw,
      fits: ({ acts }) => acts.includes('resubmit'),
      act: (rows) =>
        ask(rows, (name) => toolsApi.resubmitWorkflow(name, { owner }), ['runs once more', 'run once more']),
    },
  ];
}
