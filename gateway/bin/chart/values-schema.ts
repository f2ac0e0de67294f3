import { type TProperties, Type } from 'typebox';
import { configSchema, type Schema } from './config-schema.ts';

/** `values.schema.json` of `charts/knot`: Helm refuses values that it does not know, with their path. */
export function valuesSchema(): Schema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Values of the chart of Knot', ...values() };
}

/** Nothing is required: values.yaml of the chart has all of it. */
const section = (properties: TProperties) =>
  Type.Object(Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, Type.Optional(schema)])), {
    additionalProperties: false,
  });
const choice = (...names: string[]) => Type.Enum(names);

const switchedOn = Type.Boolean();
const text = Type.String();
/** RFC 1123 label or subdomain, as names of objects are; empty is none. */
const objectName = Type.String({ pattern: '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$' });
const account = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
const port = Type.Integer({ minimum: 1, maximum: 65_535 });
/** Of Kubernetes: 500m, 2, 1.5Gi. */
const quantity = Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?([EPTGMk]i?|Ki|m)?$' });
const network = Type.String({ pattern: '^[0-9a-fA-F.:]+/[0-9]{1,3}$' });
const texts = Type.Record(Type.String(), text);
/** Handed on as they are; the API server checks them. */
const anyObject = Type.Object({});
const anyObjects = Type.Array(anyObject);
const amounts = Type.Record(Type.String(), Type.Union([quantity, Type.Number({ minimum: 0 })]));
const resources = section({ requests: amounts, limits: amounts, claims: anyObjects });

function values(): Schema {
  const schema = section({
    // Helm gives it to charts that contain others; without it in the schema this one could not be among them.
    global: anyObject,
    config: configSchema(),
    image: section({
      repository: Type.String({ minLength: 1 }),
      tag: Type.String({ pattern: '^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$' }),
      digest: Type.String({ pattern: '^(sha256:[0-9a-f]{64})?$' }),
      pullPolicy: choice('Always', 'IfNotPresent', 'Never'),
      pullSecrets: Type.Array(objectName),
    }),
    replicas: Type.Integer({ minimum: 1, maximum: 100 }),
    database: section({
      kind: choice('sqlite', 'external', 'bundled'),
      secret: section({ name: objectName, key: Type.String({ pattern: '^[A-Za-z0-9._-]{1,253}$' }) }),
      bundled: section({
        image: Type.String({ minLength: 1 }),
        user: account,
        size: quantity,
        storageClass: objectName,
        resources,
      }),
    }),
    tls: section({
      secretName: objectName,
      certManager: section({
        enabled: switchedOn,
        issuer: section({
          name: objectName,
          kind: Type.String({ minLength: 1 }),
          group: Type.String({ minLength: 1 }),
        }),
      }),
    }),
    data: section({ size: quantity, storageClass: objectName, existingClaim: objectName }),
    files: section({ create: switchedOn, size: quantity, storageClass: objectName, prepare: switchedOn }),
    policies: section({ configMap: objectName }),
    // Names of volumes are made of them, which are labels of 63 characters.
    secrets: Type.Array(Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,53}[a-z0-9])?$' }), { uniqueItems: true }),
    env: Type.Array(
      Type.Object(
        {
          // What the chart sets itself cannot be set a second time.
          name: Type.String({
            pattern: '^[A-Za-z_][A-Za-z0-9_.-]*$',
            not: Type.Enum(['KNOT_CONFIG', 'KNOT_DATABASE']),
          }),
          value: Type.Optional(text),
          valueFrom: Type.Optional(anyObject),
        },
        { additionalProperties: false },
      ),
    ),
    account: section({ user: account, group: account }),
    listenAddress: Type.String({ pattern: '^(\\[[0-9a-fA-F:.]+\\]|[0-9.]+)$' }),
    service: section({
      type: choice('ClusterIP', 'NodePort', 'LoadBalancer'),
      port,
      externalTrafficPolicy: choice('Local', 'Cluster'),
      loadBalancerClass: text,
      loadBalancerSourceRanges: Type.Array(network),
      annotations: texts,
      http: switchedOn,
    }),
    resources,
    networkPolicy: section({ enabled: switchedOn, monitoring: anyObjects, apiServers: Type.Array(network) }),
    podDisruptionBudget: section({ enabled: switchedOn }),
    rbac: section({ create: switchedOn, bounds: switchedOn, userRules: anyObjects }),
    monitoring: section({
      serviceMonitor: section({
        enabled: switchedOn,
        interval: Type.String({ pattern: '^([0-9]+(ms|s|m|h))+$' }),
        labels: texts,
      }),
      dashboard: section({ enabled: switchedOn, labels: texts }),
    }),
    priorityClassName: objectName,
    nodeSelector: texts,
    tolerations: anyObjects,
    affinity: anyObject,
    podLabels: texts,
    podAnnotations: texts,
  });
  return JSON.parse(JSON.stringify(schema)) as Schema;
}
