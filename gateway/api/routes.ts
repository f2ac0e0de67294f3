import fastifySwagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createQuestions, withSchemaTypes } from './context.ts';
import { answerErrors } from './errors.ts';
import { createLookers } from './files/lookers.ts';
import { guard } from './guard.ts';
import type { ApiOptions } from './options.ts';
import { accountRoutes } from './resources/account.ts';
import { auditRoutes } from './resources/audit.ts';
import { clientRoutes } from './resources/clients.ts';
import { connectionRoutes } from './resources/connections.ts';
import { eventRoutes } from './resources/events.ts';
import { fileRoutes } from './resources/files.ts';
import { healthRoutes } from './resources/health.ts';
import { invitationRoutes } from './resources/invitations.ts';
import { dockerLoginRoutes } from './resources/docker-login.ts';
import { imageRoutes } from './resources/images.ts';
import { kubernetesRoutes } from './resources/kubernetes.ts';
import { meRoutes } from './resources/me.ts';
import { metricsRoutes } from './resources/metrics.ts';
import { ownerFileRoutes } from './resources/owner-files.ts';
import { ownerRoutes } from './resources/owners.ts';
import { peopleRoutes } from './resources/people.ts';
import { personAccessRoutes } from './resources/person-access.ts';
import { planRoutes } from './resources/plans.ts';
import { policyRoutes } from './resources/policies.ts';
import { provisioningRoutes } from './resources/provisioning.ts';
import { serviceHistoryRoutes } from './resources/service-history.ts';
import { serviceMetricsRoutes } from './resources/service-metrics.ts';
import { serviceLogRoutes } from './resources/service-logs.ts';
import { serviceRestRoutes } from './resources/service-rest.ts';
import { serviceTerminalRoutes } from './resources/service-terminal.ts';
import { serviceRoutes } from './resources/services.ts';
import { serviceShareRoutes } from './resources/service-shares.ts';
import { shareRoutes } from './resources/shares.ts';
import { teamRoutes } from './resources/teams.ts';
import { templateRoutes } from './resources/templates.ts';
import { tileRoutes } from './resources/tiles.ts';
import { tokenRoutes } from './resources/tokens.ts';
import { usageRoutes } from './resources/usage.ts';
import { userRoutes } from './resources/users.ts';
import { workflowRoutes } from './resources/workflows.ts';
import { createRunning } from './running.ts';
import { createShownTiles } from './shown-tiles.ts';
import { compileSerializer, compileValidator } from './schemas.ts';

const largestBodyBytes = 64 * 1024;

/** The JSON API. Register on the main host's server only, with the prefix `/api/v1`. */
export async function apiRoutes(instance: FastifyInstance, options: ApiOptions): Promise<void> {
  const app = withSchemaTypes(instance);
  const context = { ...options, ...createQuestions(options) };
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(compileSerializer);
  // A form of another site can send text/plain without asking first; JSON cannot be sent that way.
  app.removeContentTypeParser('text/plain');
  answerErrors(app, context);
  await app.register(fastifySwagger, { openapi: openapi(options.version) });
  guard(app, context);
  app.addHook('onRoute', (route) => void (route.bodyLimit ??= largestBodyBytes));
  app.get('/openapi.json', { config: { access: 'everyone' }, schema: { hide: true } }, async () => app.swagger());
  const shownTiles = createShownTiles();
  const running = createRunning(context);
  meRoutes(app, context);
  tileRoutes(app, context, { shown: shownTiles, running });
  const lookers = createLookers(context);
  eventRoutes(app, context, { lookers, shownTiles, running });
  userRoutes(app, context);
  personAccessRoutes(app, context);
  invitationRoutes(app, context);
  teamRoutes(app, context);
  ownerRoutes(app, context);
  ownerFileRoutes(app, context);
  peopleRoutes(app, context);
  tokenRoutes(app, context);
  shareRoutes(app, context);
  serviceShareRoutes(app, context);
  templateRoutes(app, context);
  serviceRoutes(app, context);
  serviceLogRoutes(app, context);
  serviceRestRoutes(app, context);
  serviceHistoryRoutes(app, context);
  serviceTerminalRoutes(app, context);
  serviceMetricsRoutes(app, context);
  accountRoutes(app, context);
  connectionRoutes(app, context);
  clientRoutes(app, context);
  imageRoutes(app, context);
  dockerLoginRoutes(app, context);
  kubernetesRoutes(app, context);
  workflowRoutes(app, context);
  provisioningRoutes(app, context);
  metricsRoutes(app, context);
  usageRoutes(app, context);
  planRoutes(app, context);
  policyRoutes(app, context);
  auditRoutes(app, context);
  healthRoutes(app, context);
  fileRoutes(app, context, lookers);
}

function openapi(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Knot',
      version,
      description:
        'Sign in at /login first; the session cookie is the credential, and whatever changes something needs this site as its Origin. ' +
        'A program sends a personal token instead: Authorization: Bearer knot_pat_…. ' +
        'Every error has the shape of ApiError. Times are milliseconds since 1970-01-01T00:00:00Z.',
    },
    servers: [{ url: '/' }],
    components: {
      securitySchemes: {
        session: { type: 'apiKey' as const, in: 'cookie' as const, name: '__Host-knot' },
        token: { type: 'http' as const, scheme: 'bearer', description: 'A personal token, within its scopes.' },
      },
    },
    security: [{ session: [] }, { token: [] }],
  };
}
