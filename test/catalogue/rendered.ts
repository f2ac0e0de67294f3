import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { isJsonObject, type JsonObject } from '../../gateway/lib/index.ts';

/** The folder of the charts that Knot ships, and their names. */
export const charts = join(import.meta.dirname, '../../charts/templates');
export const chartNames = readdirSync(charts).sort();

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever a chart makes
export type Manifest = any;

const run = promisify(execFile);

/**
 * Helm with folders of its own, which go at the end of the test. Resolves with standard output. @throws with standard error
 * `kubeconfig`: of the cluster, for what needs one.
 */
export function openHelm(
  t: { teardown(end: () => void): void },
  [file, ...first]: readonly [string, ...string[]],
  kubeconfig = '/dev/null',
) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-helm-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const env = { PATH: '/usr/bin:/bin', HOME: folder, KUBECONFIG: kubeconfig };
  let files = 0;
  const helm = async (...args: string[]): Promise<string> =>
    (await run(file, [...first, ...args], { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  /** A file with values, as an argument. */
  const valuesFile = (values: JsonObject): string => {
    const path = join(folder, `values-${++files}.json`);
    writeFileSync(path, JSON.stringify(values));
    return path;
  };
  return {
    helm,
    valuesFile,
    /** What a release of this name is made of. */
    async render(chart: string, values: JsonObject, release = 'db'): Promise<Manifest[]> {
      const text = await helm('template', release, join(charts, chart), '--values', valuesFile(values));
      return parseAllDocuments(text)
        .map((document) => document.toJS())
        .filter((object) => object !== null);
    },
  };
}

/** What Knot fills in (charts/README.md). */
export function filledIn(name: string, more: JsonObject = {}): JsonObject {
  return {
    knot: {
      enabled: true,
      service: { id: '01jd', name },
      owner: { name: 'ann', kind: 'user' },
      hostname: `${name}-ann.example.org`,
      origin: `https://${name}-ann.example.org`,
      namespace: 'knot-ann',
      privateVolume: 'knot-private',
      sharedVolume: 'knot-shared',
      teams: [{ name: 'physics', volume: 'knot-team-physics' }],
      files: { user: 1234, group: 1235 },
      home: `/files/private/.services/${name}-01jd`,
      storageClass: '',
      size: { cpu: '2', memory: '4Gi' },
      secret: '4f1c',
      registry: { private: '', shared: '' },
      ...more,
    },
  };
}

export const schemaOf = (chart: string): JsonObject =>
  JSON.parse(readFileSync(join(charts, chart, 'values.schema.json'), 'utf8')) as JsonObject;

/** Values with something of its own in each property that a schema has; texts hold what means something to Kubernetes and to YAML. */
export function everyValue(schema: JsonObject): JsonObject {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonObject>);
  return Object.fromEntries(
    properties.filter(([name]) => name !== 'knot').map(([name, property]) => [name, valueOf(name, property)]),
  );
}

function valueOf(name: string, property: JsonObject): JsonObject[string] {
  const { type, enum: choices, minimum, maximum, pattern, items } = property;
  if (Array.isArray(choices)) return choices.at(-1)!;
  switch (type) {
    case 'object':
      return everyValue(property);
    case 'boolean':
      return false;
    case 'integer':
      return Math.max(minimum as number, Math.min(maximum as number, 3));
    case 'array':
      return isJsonObject(items) && items['x-knot']
        ? ['cache', 'queue']
        : ['sh', '-c', 'echo $HOME $(date) "$$" # {{ . }}'];
    default:
      return texts[name] ?? (typeof pattern === 'string' ? '3Gi' : 'small');
  }
}

const texts: Record<string, string> = {
  folder: '/files/private/a "b": $(HOME) $$x {{ . }} #',
  repository: 'registry.example.org:5000/mirror/image',
  tag: `1.0@sha256:${'0'.repeat(64)}`,
  class: 'fast',
};

/** What pods of a manifest are made by. */
export const podTemplates = (objects: readonly Manifest[]): Manifest[] =>
  objects.filter(({ spec }) => spec?.template?.spec).map(({ spec }) => spec.template);
