import type { FastifyRequest } from 'fastify';
import type { Workflow } from '../../integrations/index.ts';
import { knotError, namespaceOf } from '../../lib/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import {
  type WorkflowInList,
  WorkflowOwnerQuerySchema,
  WorkflowParamsSchema,
  WorkflowSchema,
  WorkflowsQuerySchema,
  WorkflowsSchema,
} from '../contract.ts';
import { noteDone } from '../note-done.ts';
import { answers, describe } from './describe.ts';

const tag = 'Workflows';

/** Workflows of oneself and one's teams, as Argo knows them, for who does not want to open it. */
export function workflowRoutes(
  app: ApiServer,
  context: Needs<'config' | 'publicAddress' | 'routes' | 'decide' | 'demand' | 'audit' | 'actorOf' | 'integrations'>,
): void {
  const { config, publicAddress, routes, integrations, decide, demand } = context;

  /** Whose are asked for, and what the rules say of that: the same question as for a visit to their page in Argo. */
  function ofOwner(request: FastifyRequest, wanted: string | undefined) {
    const { principal } = identityOf(request);
    const host = publicAddress.hostOf('argo');
    const route = routes.find(host);
    const workflows = integrations().find((tool) => tool.name === 'argo')?.workflows;
    if (workflows === undefined || route === undefined) throw noArgo();
    const isTeam = wanted !== undefined && wanted !== principal.username;
    const owner = { kind: isTeam ? ('team' as const) : ('user' as const), name: wanted ?? principal.username };
    const namespace = namespaceOf(config.kubernetes, owner);
    const question = (action: 'view' | 'open') => ({
      ...{ principal, action, host },
      resource: routes.resourceAt(route, `/api/v1/workflows/${namespace}`),
    });
    const url = `${publicAddress.originOf(host)}/workflows/${namespace}`;
    return { workflows, owner, namespace, question, url };
  }
  type Of = ReturnType<typeof ofOwner>;

  function toAnswer(found: Workflow, { owner, url }: Of, mayAct: boolean): WorkflowInList {
    const { uid: _, ...rest } = found;
    const isOver = found.finishedAt !== undefined;
    const acts: WorkflowInList['acts'] = !mayAct ? [] : isOver ? ['resubmit'] : found.isStopping ? [] : ['stop'];
    return { ...rest, owner, url: `${url}/${found.name}`, acts };
  }

  app.get(
    '/workflows',
    describe(
      'person',
      tag,
      'The newest workflows of mine, or of a team of mine',
      { querystring: WorkflowsQuerySchema, response: answers(200, WorkflowsSchema) },
      'workflows',
    ),
    async (request) => {
      const { owner, limit = 10 } = request.query;
      const of = ofOwner(request, owner);
      demand(request, of.question('view'), `see the workflows of ${of.owner.name}`);
      const mayAct = decide(request, of.question('open')).effect === 'allow';
      const found = await of.workflows.list(of.namespace, limit);
      return { workflows: found.map((each) => toAnswer(each, of, mayAct)), url: of.url };
    },
  );

  for (const [act, words, past] of [
    ['stop', 'Let it end: steps that run are stopped, what is to be done at the end is done', 'stopped'],
    ['resubmit', 'Run it once more, as a new workflow, which is what is answered', 'resubmitted'],
  ] as const)
    app.post(
      `/workflows/:name/${act}`,
      describe(
        'person',
        tag,
        words,
        { params: WorkflowParamsSchema, querystring: WorkflowOwnerQuerySchema, response: answers(200, WorkflowSchema) },
        'workflows',
      ),
      async (request) => {
        const of = ofOwner(request, request.query.owner);
        demand(request, of.question('open'), `${act} workflows of ${of.owner.name}`);
        const { name } = request.params;
        const after = await of.workflows.act(of.namespace, name, act);
        await noteDone(context, request, {
          action: `workflow.${past}`,
          subject: `workflow:${of.namespace}/${name}`,
          ...(after.name !== name && { detail: { as: after.name } }),
        });
        return toAnswer(after, of, true);
      },
    );
}

const noArgo = () =>
  knotError('KNOT_API_NO_INTEGRATION', 404, 'This Knot has no Argo Workflows.', {
    remedy: 'An administrator sets `integrations.argo` in knot.yaml.',
  });
