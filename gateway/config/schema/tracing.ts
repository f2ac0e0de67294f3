import { type Static, Type } from 'typebox';
import { type AddProblem, object, SecretReference } from './section.ts';

/** Without user or query: what is secret stands in headers. */
const collectorAddress = '^https?://(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?(/[^\\s?#]*)?$';

export const TracingConfig = object(
  {
    endpoint: Type.String({
      pattern: collectorAddress,
      description:
        'Where spans are posted (OTLP, JSON): http(s)://HOST:PORT; the path is /v1/traces unless one is given.',
    }),
    ratio: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 1,
      description:
        'Share of the requests that are recorded. One that comes through trustedProxies with a traceparent is recorded when that says so.',
    }),
    serviceName: Type.String({
      default: 'knot',
      minLength: 1,
      maxLength: 100,
      description: 'Name of this gateway in the traces (service.name).',
    }),
    headers: Type.Array(
      object(
        {
          header: Type.String({
            pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$",
            description: 'Name of the header field, for example authorization.',
          }),
          value: SecretReference,
        },
        'A header field.',
      ),
      { default: [], description: 'Header fields the collector asks for.' },
    ),
  },
  'OpenTelemetry traces of forwarded requests. Without it nothing is traced.',
);

/** A collector that can be addressed; each header field once. */
export function checkTracing(tracing: Static<typeof TracingConfig> | undefined, add: AddProblem): void {
  const { endpoint, headers = [] } = tracing ?? {};
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    add('tracing.endpoint', `must be an address with a port from 1 to 65535, but it is "${endpoint}"`);
  }
  const names = new Set<string>();
  headers.forEach(({ header }, index) => {
    if (names.has(header.toLowerCase())) add(`tracing.headers[${index}].header`, `"${header}" is given twice`);
    names.add(header.toLowerCase());
  });
}
