import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorHeaders, knotError, namespaceOf, platform, publicError, type Resource } from '../../lib/index.ts';
import type { Endpoint, Parameters, Readable } from '../../metrics/index.ts';
import { namespaceResource } from '../../owners/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { MetricsLabelParamsSchema, PrometheusAnswerSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Metrics';
/** The label that says whose a series is. */
const label = 'namespace';

const asked: readonly (readonly [path: string, endpoint: Endpoint, summary: string])[] = [
  ['query', 'query', 'A query of PromQL at one moment'],
  ['query_range', 'query_range', 'A query of PromQL over a time'],
  ['query_exemplars', 'query_exemplars', 'Exemplars of the series in a query'],
  ['series', 'series', 'Which series there are'],
  ['labels', 'labels', 'Names of labels'],
  ['label/:name/values', 'values', 'Values of a label'],
];

/**
 * Metrics of the cluster, each person's own: whatever is asked, the answer is about the namespaces that the policies let them read. Below
 * `/metrics` for the dashboard and programs, below `/metrics/prometheus/api/v1` for what speaks with a Prometheus (Grafana).
 */
export function metricsRoutes(
  app: ApiServer,
  context: Needs<'metrics' | 'owners' | 'decide' | 'config' | 'log'>,
): void {
  async function ask(endpoint: Endpoint, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { name } = request.params as { name?: string };
    const { status, body } = await demandMetrics(context).ask({
      endpoint,
      ...(name !== undefined && { label: name }),
      parameters: parametersOf(request),
      readable: await readableBy(request, context),
    });
    return reply.code(status).type(json).send(body);
  }

  /** As Prometheus words errors: what asks it shows people the text. */
  function answerAsPrometheus(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const said = publicError(error, request.id);
    const isNobody = said.statusCode === 401 && request.headers.authorization === undefined;
    const { statusCode, message, remedy } = isNobody ? nobodyAsks : said;
    if (statusCode >= 500) context.log.error({ err: error, requestId: request.id }, 'an api request failed');
    const errorType = statusCode < 500 ? 'bad_data' : statusCode === 504 ? 'timeout' : 'unavailable';
    const text = remedy === undefined ? message : `${message} ${remedy}`;
    return reply
      .code(statusCode)
      .headers(errorHeaders(error))
      .type(json)
      .send(JSON.stringify({ status: 'error', errorType, error: text }));
  }

  void app.register(async (scoped) => {
    scoped.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, new URLSearchParams(body as string)),
    );
    for (const [path, endpoint, summary] of asked) {
      const method = endpoint === 'values' ? ['GET'] : ['GET', 'POST'];
      const { config, schema } = describe(
        'person',
        tag,
        `${summary}, of the namespaces that may be read; parameters as Prometheus has them`,
        {
          ...(endpoint === 'values' && { params: MetricsLabelParamsSchema }),
          response: answers(200, PrometheusAnswerSchema),
        },
        'metrics',
        'read',
      );
      const handler = (request: FastifyRequest, reply: FastifyReply) => ask(endpoint, request, reply);
      scoped.route({ method, url: `/metrics/${path}`, config, schema, handler });
      scoped.route({
        method,
        url: `/metrics/prometheus/api/v1/${path}`,
        config: { ...config, grant: 'metrics' },
        schema,
        handler,
        errorHandler: (error, request, reply) => void answerAsPrometheus(error, request, reply),
      });
    }
  });
}

const json = 'application/json; charset=utf-8';

/** Grafana asks by itself for its alert rules (decision 0079), and shows the text beside them. */
const nobodyAsks = {
  statusCode: 401,
  message: 'Knot does not know for whom this is asked.',
  remedy:
    'A dashboard asks for whoever opened it, a program by a personal token. An alert rule of Grafana asks for nobody: write it for Prometheus.',
};

/** @throws KNOT_API_NO_METRICS */
export function demandMetrics({ metrics }: Needs<'metrics'>): NonNullable<Needs<'metrics'>['metrics']> {
  if (metrics) return metrics;
  throw knotError('KNOT_API_NO_METRICS', 404, 'This Knot asks no Prometheus.', {
    remedy: 'An administrator names one in knot.yaml: integrations.prometheus.upstream.',
  });
}

/** From the address and from the form in the body, in that order. */
function parametersOf({ raw, body }: FastifyRequest): Parameters {
  const at = raw.url?.indexOf('?') ?? -1;
  const ofAddress = new URLSearchParams(at < 0 ? '' : raw.url!.slice(at + 1));
  return [...ofAddress, ...(body instanceof URLSearchParams ? body : [])];
}

/** Everything, or the namespaces of whom the policies let this person read: among themselves and their teams. */
export async function readableBy(
  request: FastifyRequest,
  { owners, decide, config }: Needs<'owners' | 'decide' | 'config'>,
): Promise<Readable> {
  const { principal } = identityOf(request);
  const mayRead = (resource: Resource): boolean =>
    decide(request, { principal, action: 'readMetrics', resource }).effect === 'allow';
  if (mayRead(platform)) return 'everything';
  const own = (await owners.of(principal)).filter((owner) => mayRead(namespaceResource(owner)));
  return { label, names: own.map((owner) => namespaceOf(config.kubernetes, owner)).sort() };
}
