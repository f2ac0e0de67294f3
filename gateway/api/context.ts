import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Actor } from '../accounts/index.ts';
import {
  type AuthorizationRequest,
  type Decision,
  denialWords,
  type Identity,
  knotError,
  platform,
  type Principal,
  type Resource,
} from '../lib/index.ts';
import type { Route } from '../routes/index.ts';
import type { ApiOptions } from './options.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set by the guard of the API, null on routes that are open to everyone. */
    identity: Identity | null;
    /** Who shows now what this request shows; undefined, or an error, for nobody any more. Set with `identity`. */
    identifyAgain: (() => Promise<Identity | undefined>) | null;
  }
  interface FastifyContextConfig {
    /** Who may call a route of the API: everyone, who is signed in, or whom the policies let administer. */
    access?: Access;
    /** What a personal token must be made for, to be used here; a word that is no subject of scopes is for `knot login` alone. */
    scope?: string;
    /** What it does, where that is another thing than its method says. */
    act?: 'read' | 'write';
    /** Grafana may ask it for somebody who is there now (`metrics`, grants). */
    grant?: 'metrics';
  }
}

/** What a request does, in the words of scopes: what its route says, or its method. */
export const actOf = ({ method, routeOptions }: Pick<FastifyRequest, 'method' | 'routeOptions'>): 'read' | 'write' =>
  routeOptions.config.act ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write');

export type Access = 'everyone' | 'person' | 'admin';

export const withSchemaTypes = (app: FastifyInstance) => app.withTypeProvider<TypeBoxTypeProvider>();

/** Fastify whose handlers know the types of their schemas. */
export type ApiServer = ReturnType<typeof withSchemaTypes>;

export type ApiContext = ApiOptions & ReturnType<typeof createQuestions>;

/** What one part of the API is given of all that (`routes.ts` says who gets what). */
export type Needs<Name extends keyof ApiContext> = Pick<ApiContext, Name>;

/** What several resources of the API ask about a request. */
export function createQuestions({ policy, routes, addressOf, publicAddress, noteDenial, log }: ApiOptions) {
  type Question = {
    principal: Principal;
    action: AuthorizationRequest['action'];
    resource: Resource;
    host?: string;
    shared?: AuthorizationRequest['shared'];
  };

  function asked(request: FastifyRequest, question: Question): AuthorizationRequest {
    const { principal, action, resource, host = publicAddress.domain, shared } = question;
    const path = request.url.split('?', 1)[0] ?? '/';
    const context = {
      method: request.method,
      host,
      path: host === publicAddress.domain ? path : '/',
      address: addressOf(request),
      isUpgrade: false,
    };
    return { principal, action, resource, context, ...(shared && { shared }) };
  }

  const decide = (request: FastifyRequest, question: Question): Decision => {
    // Who may administer does so with a token only if it was made for that.
    const isOfAdmins =
      question.action === 'administer' || (question.action === 'readMetrics' && question.resource.type === 'Platform');
    if (isOfAdmins && request.identity?.token?.allows('admin', actOf(request)) === false) {
      return { effect: 'deny', rules: [], policyVersion: policy.status().version, reason: 'token_scope' };
    }
    return policy.decide(asked(request, question));
  };

  /**
   * Refuses what the policies do not allow; `toDo` completes "the policies do not allow you to …".
   * @throws KNOT_API_DENIED with the id under which the refusal can be explained
   */
  function demand(request: FastifyRequest, question: Question, toDo: string): void {
    const decision = decide(request, question);
    if (decision.effect === 'allow') return;
    const { principal } = question;
    const decisionId = noteDenial({ route: 'Knot', request: asked(request, question), decision });
    const { reason, rules } = decision;
    log.info(
      { subject: principal.id, decisionId, reason, rules, path: request.routeOptions.url },
      'api request denied',
    );
    const words = denialWords({ username: principal.username, toDo, decisionId, rules });
    throw knotError('KNOT_API_DENIED', 403, words.reason, {
      remedy: words.remedy,
      details: { decisionId, reason, rules, heading: words.heading, facts: words.facts },
    });
  }

  return {
    decide,
    demand,
    addressOf,
    /** May this person use the admin pages? */
    decideAdminister: (request: FastifyRequest, principal: Principal) =>
      decide(request, { principal, action: 'administer', resource: platform }),
    /** May this person open a tool or application? */
    decideOpen: (request: FastifyRequest, principal: Principal, route: Route) =>
      decide(request, { principal, action: 'open', resource: routes.resourceAt(route, '/'), host: route.host }),
    /** @throws KNOT_API_DENIED for whom the policies do not let administer */
    demandAdminister: (request: FastifyRequest, principal: Principal) =>
      demand(request, { principal, action: 'administer', resource: platform }, 'administer this platform'),
    /** For the audit record. */
    actorOf: (request: FastifyRequest): Actor => ({
      name: identityOf(request).principal.username,
      address: addressOf(request),
    }),
  };
}

/** Who asks. The guard has run before any handler, so nobody here is a defect, answered as such. */
export function identityOf(request: FastifyRequest): Identity {
  if (request.identity === null) throw knotError('KNOT_API_UNGUARDED', 500, 'A route was reached without an identity.');
  return request.identity;
}
