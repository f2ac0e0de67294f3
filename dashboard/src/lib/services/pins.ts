import type { TemplateSummary } from '#lib/contract.ts';

/** Under what a pinned template is kept beside the tools. */
export const pinOfTemplate = ({ id }: Pick<TemplateSummary, 'id'>): string => `template:${id}`;
