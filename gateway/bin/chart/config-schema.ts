import { ConfigSchema } from '../../config/index.ts';

/** A JSON Schema as plain data. */
export type Schema = {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  [keyword: string]: unknown;
};

/**
 * Settings that are not an operator's in a cluster, because the rest of the chart follows from them: ports of containers, mounts, what
 * the gateway's account is. The chart writes them into knot.yaml itself.
 */
export const decidedByChart = [
  'data',
  'policies',
  'listen',
  'httpListen',
  'ops',
  'tls',
  'database',
  'databasePassword',
  'engine',
  'files.folder',
  'kubernetes.kubeconfig',
  'kubernetes.context',
  'kubernetes.namespace',
  'kubernetes.helm',
  'kubernetes.admission.listen',
  'kubernetes.admission.url',
] as const;

/** The schema of knot.yaml as operators of a cluster write it, in the words of JSON Schema alone. */
export function configSchema(): Schema {
  const schema = forOperators(JSON.parse(JSON.stringify(ConfigSchema)) as Schema);
  for (const path of decidedByChart) remove(schema, path.split('.'), path);
  return { ...schema, description: 'What stands in knot.yaml on one machine, without what the chart decides.' };
}

/**
 * Knot fills in defaults before it checks, Helm does not: what has a default may be left out, and so may a section of which everything
 * may. Marks of our own are for our own programs.
 */
function forOperators(schema: Schema): Schema {
  const { properties, required, items, anyOf, ...rest } = schema;
  const plain: Schema = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !/^[x~]/.test(keyword)));
  if (items) plain.items = forOperators(items);
  // One list of words reads better in a refusal than one alternative for each.
  if (anyOf?.every((one) => 'const' in one)) Object.assign(plain, { enum: anyOf.map((one) => one['const']) });
  else if (anyOf) plain.anyOf = anyOf.map(forOperators);
  if (!properties) return plain;
  plain.properties = Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, forOperators(one)]));
  const needed = (required ?? []).filter((key) => {
    const one = plain.properties![key]!;
    return one.default === undefined && !(one.type === 'object' && one.required === undefined);
  });
  return needed.length > 0 ? { ...plain, required: needed } : plain;
}

function remove(schema: Schema, [key, ...below]: string[], path: string): void {
  const child = schema.properties?.[key!];
  if (child === undefined) throw new Error(`The configuration has no ${path}, which the chart says it decides`);
  if (below.length > 0) remove(child, below, path);
  else delete schema.properties![key!];
}
