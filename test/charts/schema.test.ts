import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { configSchema, decidedByChart, type Schema, schemaFile, schemaText } from '../../gateway/bin/chart/index.ts';
import { ConfigSchema } from '../../gateway/config/index.ts';
import { chartFolder } from './helm.ts';

const root = join(import.meta.dirname, '../..');

t.test('values.schema.json is what follows from the configuration: `npm run chart` writes it', async (t) => {
  t.equal(readFileSync(schemaFile, 'utf8'), schemaText());
});

t.test('every setting of Knot is a value of the chart, or is decided by the chart', async (t) => {
  const ofKnot = settingsIn(JSON.parse(JSON.stringify(ConfigSchema)) as Schema);
  const ofChart = settingsIn(configSchema());
  const isDecided = (path: string) => decidedByChart.some((one) => path === one || path.startsWith(`${one}.`));
  t.same(
    ofChart,
    ofKnot.filter((path) => !isDecided(path)),
  );
  t.ok(ofChart.length > 80, `${ofChart.length} settings`);
});

t.test(
  'the defaults of the chart have every value that its schema knows, and none may be left out of both',
  async (t) => {
    const values = parse(readFileSync(join(chartFolder, 'values.yaml'), 'utf8')) as Record<string, unknown>;
    const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as Schema;
    const { config: _config, global: _global, ...own } = schema.properties!;
    t.same(missingIn(values, { properties: own }, ''), []);
  },
);

t.test('chart and gateway have one version', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  t.match(parse(readFileSync(join(chartFolder, 'Chart.yaml'), 'utf8')), { version, appVersion: version });
});

t.test('the dashboard asks for metrics that the gateway has', async (t) => {
  const dashboard = readFileSync(join(chartFolder, 'dashboards/knot.json'), 'utf8');
  const sources = ['metrics.ts', 'request-metrics.ts'].map((file) =>
    readFileSync(join(root, 'gateway/ops', file), 'utf8'),
  );
  const asked = new Set([...dashboard.matchAll(/\bknot_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, '')));
  t.ok(asked.size >= 6, [...asked].join(' '));
  for (const name of asked)
    t.ok(
      sources.some((text) => text.includes(`'${name}'`)),
      name,
    );
});

/** The paths of all settings, `limits.drainMs`; what is in lists is not followed. */
function settingsIn(schema: Schema, at = ''): string[] {
  if (!schema.properties) return [at];
  return Object.entries(schema.properties).flatMap(([key, one]) => settingsIn(one, at === '' ? key : `${at}.${key}`));
}

function missingIn(values: unknown, { properties }: Schema, at: string): string[] {
  if (!properties || typeof values !== 'object' || values === null) return [];
  return Object.entries(properties).flatMap(([key, one]) => {
    const value = (values as Record<string, unknown>)[key];
    const path = `${at}/${key}`;
    // Of amounts of processors and the like not each has to be limited.
    if (value === undefined) return /\/resources\/claims$/.test(path) ? [] : [path];
    return missingIn(value, one, path);
  });
}
