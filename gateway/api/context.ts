import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Actor } from '../accounts/index.ts';
import {
  type AuthorizationRequest,
  type Decision,
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
  }
  interface FastifyContextConfig {
    /** Who may call a route of the API: everyone, who is signed in, or whom the policies let administer. */
    access?: Access;
  }
}

export type Access = 'everyone' | 'person' | 'admin';

export const withSchemaTypes = (app: FastifyInstance) => app.withTypeProvider<TypeBoxTypeProvider>();

/** Fastify whose handlers know the types of their schemas. */
export type ApiServer = ReturnType<typeof withSchemaTypes>;

export type ApiContext = ApiOptions & ReturnType<typeof createQuestions>;

/** What several resources of the API ask about a request. */
export function createQuestions({ policy, routes, addressOf = (request) => request.ip, publicAddress }: ApiOptions) {
  type Question = { principal: Principal; action: AuthorizationRequest['action']; resource: Resource; host?: string };

  function asked(request: FastifyRequest, question: Question): AuthorizationRequest {
    const { principal, action, resource, host = publicAddress.domain } = question;
    const path = request.url.split('?', 1)[0] ?? '/';
    const context = {
      method: request.method,
      host,
      path: host === publicAddress.domain ? path : '/',
      address: addressOf(request),
      isUpgrade: false,
    };
    return { principal, action, resource, context };
  }

  const decide = (request: FastifyRequest, question: Question): Decision => policy.decide(asked(request, question));

  return {
    decide,
    addressOf,
    /** May this person use the admin pages? */
    decideAdminister: (request: FastifyRequest, principal: Principal) =>
      decide(request, { principal, action: 'administer', resource: platform }),
    /** May this person open a tool or application? */
    decideOpen: (request: FastifyRequest, principal: Principal, route: Route) =>
      decide(request, { principal, action: 'open', resource: routes.resourceAt(route, '/'), host: route.host }),
    /** What `decideAdminister` asks. */
    administering: (request: FastifyRequest, principal: Principal): AuthorizationRequest =>
      asked(request, { principal, action: 'administer', resource: platform }),
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
