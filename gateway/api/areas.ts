import type { FastifyRequest } from 'fastify';
import type { Action, Decision, Principal } from '../lib/index.ts';
import { type Area, areaResource } from '../owners/index.ts';
import type { ApiContext } from './context.ts';

/** What can be asked about the files of an area. */
export type AreaAction = Extract<
  Action,
  'see' | 'listFiles' | 'readFiles' | 'writeFiles' | 'addFiles' | 'manage' | 'remove' | 'share'
>;

/** `path` is canonical, without a slash at either end; '' is the area itself. */
export type AreaQuestion = { principal: Principal; action: AreaAction; area: Area; path: string };

/** In "the policies do not allow you to …". */
const deeds: Record<AreaAction, string> = {
  see: 'know of',
  listFiles: 'list the files of',
  readFiles: 'read the files of',
  writeFiles: 'change the files of',
  addFiles: 'put files into',
  manage: 'manage the files of',
  remove: 'remove the files of',
  share: 'share the files of',
};

/** The one place where it is decided who may do what with files, for every route that leads to some. */
export function createAreaQuestions({ decide, demand }: Pick<ApiContext, 'decide' | 'demand'>) {
  const asked = ({ principal, action, area }: AreaQuestion) => ({ principal, action, resource: areaResource(area) });
  return {
    decideArea: (request: FastifyRequest, question: AreaQuestion): Decision => decide(request, asked(question)),
    /** @throws KNOT_API_DENIED */
    demandArea: (request: FastifyRequest, question: AreaQuestion): void =>
      demand(request, asked(question), `${deeds[question.action]} ${question.area.title}`),
  };
}
