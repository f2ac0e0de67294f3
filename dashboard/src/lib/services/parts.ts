/** The parts of the page of one service: each a folder below `routes/(app)/services/[id]`, shown to whom it is of use. */
import type { Service } from '#lib/contract.ts';

type Part = { title: string; isFor: (service: Service) => boolean };

export const parts: Readonly<Record<string, Part>> = {
  overview: { title: 'Overview', isFor: () => true },
  logs: { title: 'Logs', isFor: ({ canOpen }) => canOpen },
  events: { title: 'Events', isFor: ({ canSee }) => canSee },
  sharing: { title: 'Sharing', isFor: ({ canShare }) => canShare },
  terminal: { title: 'Terminal', isFor: ({ canManage }) => canManage },
  values: { title: 'Values', isFor: ({ canManage }) => canManage },
};
