import type { FastifyRequest } from 'fastify';
import { knotError, type Principal } from '../../lib/index.ts';
import { serviceResource } from '../../routes/index.ts';
import {
  type Cause,
  noSuchService,
  type Service as OwnService,
  type Services,
  type Versions,
} from '../../services/index.ts';
import { identityOf, type Needs } from '../context.ts';
import type { Service } from '../contract.ts';

export type ServiceAction = 'see' | 'view' | 'open' | 'manage' | 'stop' | 'remove' | 'share';

/** What each group of routes about services asks: whether a person may, and how a service is told to them. */
export function serviceContext(
  context: Needs<'services' | 'shares' | 'decide' | 'demand' | 'actorOf' | 'publicAddress'>,
) {
  const { shares, decide, demand, actorOf, publicAddress } = context;

  /** @throws KNOT_SERVICES_UNAVAILABLE */
  const servicesOrRefusal = (): Services => {
    if (context.services !== undefined) return context.services;
    throw knotError('KNOT_SERVICES_UNAVAILABLE', 503, 'Services are not available on this system.', {
      remedy: 'Run Knot on Linux: only there can programs be kept apart.',
    });
  };

  /** What is asked of the policies about a service: the same for each action. */
  function questions(request: FastifyRequest, service: OwnService, principal = identityOf(request).principal) {
    const { id, name, owner } = service;
    const resource = serviceResource({ label: name, owner: owner.name, isTeam: owner.kind === 'team' }, name);
    const shared = shares.rightsOn(principal, { kind: 'service', id, path: '' });
    return (action: ServiceAction) => ({ principal, action, resource, ...(shared && { shared }) });
  }
  /** `principal`: whoever asks, as they are now; for what lasts longer than a request. */
  function mayOn(request: FastifyRequest, service: OwnService, principal?: Principal) {
    const question = questions(request, service, principal);
    return (action: ServiceAction): boolean => decide(request, question(action)).effect === 'allow';
  }
  const may = (request: FastifyRequest, action: ServiceAction, service: OwnService, principal?: Principal): boolean =>
    mayOn(request, service, principal)(action);

  /** Whom a service is nothing to is told that there is none. */
  async function find(request: FastifyRequest, id: string): Promise<OwnService> {
    const service = await servicesOrRefusal().find(id);
    if (service && (may(request, 'see', service) || may(request, 'view', service))) return service;
    throw noSuchService();
  }

  async function findFor(
    request: FastifyRequest,
    id: string,
    action: ServiceAction,
    toDo: string,
  ): Promise<OwnService> {
    const service = await find(request, id);
    demand(request, questions(request, service)(action), `${toDo} ${service.name}`);
    return service;
  }

  /** What a program says may be anything: it is for who may use it as one of their own, and not for whom it is shared with. */
  const mayRead = (request: FastifyRequest, service: OwnService, principal?: Principal): boolean =>
    may(request, 'open', service, principal) && may(request, 'see', service, principal);

  async function findToRead(request: FastifyRequest, id: string): Promise<OwnService> {
    const service = await findFor(request, id, 'open', 'read the output of');
    demand(request, questions(request, service)('see'), `read the output of ${service.name}`);
    return service;
  }

  /** `isWhole`: alone, with what takes a look of its own. */
  async function toService(request: FastifyRequest, service: OwnService, isWhole = false): Promise<Service> {
    const services = servicesOrRefusal();
    const { principal } = identityOf(request);
    const {
      id,
      name,
      owner,
      label,
      template,
      wish,
      state,
      since,
      cause,
      createdBy,
      createdAt,
      values,
      revision,
      size,
    } = service;
    const can = mayOn(request, service);
    const [canOpen, canSee, canManage] = [can('open'), can('see'), can('manage')];
    const rest = await services.rest(service);
    const steps = services.steps(service);
    const home = canSee ? services.homeOf(service) : undefined;
    const { newer, previous }: Versions = isWhole ? await services.history.versions(service, principal) : {};
    return {
      ...{ id, name, wish, state, since, createdBy, createdAt, canSee, canOpen, canManage, revision },
      canView: can('view'),
      owner: { kind: owner.kind, name: owner.name },
      url: `${publicAddress.originOf(publicAddress.hostOfService(label))}/`,
      template: { id: template.id, title: template.title, version: template.version },
      ...(cause && { cause: toCause(cause, canSee && canOpen) }),
      ...(size && { size: { ...size } }),
      ...(rest && { rest }),
      ...(home !== undefined && { home }),
      ...(steps.length > 0 && { steps: steps.map((step) => ({ ...step })) }),
      ...(newer !== undefined && { newerVersion: newer }),
      ...(previous !== undefined && { previousVersion: previous }),
      canStop: can('stop'),
      canRemove: can('remove'),
      canShare: can('share'),
      // What a person typed into the form may be a secret.
      ...(canManage && { values }),
    };
  }

  /** Who acts, for the history of a service and the audit. */
  function by(request: FastifyRequest) {
    const { name: actor, address } = actorOf(request);
    return { actor, address, isAdmin: identityOf(request).principal.isAdmin };
  }

  return { servicesOrRefusal, may, mayRead, find, findFor, findToRead, toService, by };
}

/** What a program said may be anything: it is for who may use the service. */
export const toCause = ({ lines, ...cause }: Cause, canOpen: boolean) => ({
  ...cause,
  ...(canOpen && lines && { lines: [...lines] }),
});
