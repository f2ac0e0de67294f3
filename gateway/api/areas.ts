import type { FastifyRequest } from 'fastify';
import { type Action, type Decision, knotError, type Principal } from '../lib/index.ts';
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

const reads: ReadonlySet<AreaAction> = new Set(['see', 'listFiles', 'readFiles']);

/**
 * The one place where it is decided who may do what with files, for every route that leads to some: the scope of a token, what shares
 * say, and the policies, which have the last word.
 */
export function createAreaQuestions({
  decide,
  demand,
  shares,
}: Pick<ApiContext, 'decide' | 'demand'> & { shares: Pick<ApiContext['shares'], 'rightsOn'> }) {
  function asked({ principal, action, area, path }: AreaQuestion) {
    const shared = shares.rightsOn(principal, { kind: 'files', id: area.key, path });
    return { principal, action, resource: areaResource(area), ...(shared && { shared }) };
  }

  /** The scope that a token lacks. */
  function lacking({ identity }: FastifyRequest, { action, area }: AreaQuestion): string | undefined {
    if (!identity?.token) return undefined;
    const act = reads.has(action) ? 'read' : 'write';
    if (action === 'share') return identity.token.allows('shares', act) ? undefined : `shares:${act}`;
    return identity.token.allows('files', act, area.name) ? undefined : `files:${act}:${area.name}`;
  }

  return {
    decideArea(request: FastifyRequest, question: AreaQuestion): Decision {
      const decision = decide(request, asked(question));
      if (decision.effect === 'deny' || lacking(request, question) === undefined) return decision;
      return { effect: 'deny', rules: [], policyVersion: decision.policyVersion, reason: 'token_scope' };
    },
    /** @throws KNOT_API_DENIED, KNOT_API_TOKEN_SCOPE */
    demandArea(request: FastifyRequest, question: AreaQuestion): void {
      const scope = lacking(request, question);
      if (scope !== undefined) {
        throw knotError('KNOT_API_TOKEN_SCOPE', 403, `The token is not made for ${scope}.`, {
          remedy: `Make a token with the scope ${scope}.`,
        });
      }
      demand(request, asked(question), `${deeds[question.action]} ${question.area.title}`);
    },
  };
}
