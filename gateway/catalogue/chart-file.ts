import { type Static, Type } from 'typebox';
import { checkAgainst, checkAmount, parseAmount } from '../config/index.ts';
import { isJsonObject, readYaml, type ReleasePlan } from '../lib/index.ts';
import type { TemplateProblem } from './template.ts';

/** What Knot reads of `Chart.yaml` (Helm, "The Chart.yaml File"); all else in it is Helm's. */
const ChartFile = Type.Object(
  {
    apiVersion: Type.Literal('v2'),
    name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,39}$' }),
    version: Type.String({
      pattern: '^\\d{1,6}\\.\\d{1,6}\\.\\d{1,6}(-[0-9A-Za-z.-]{1,40})?(\\+[0-9A-Za-z.-]{1,40})?$',
    }),
    description: Type.String({ minLength: 1, maxLength: 300 }),
    keywords: Type.Array(Type.String({ minLength: 1, maxLength: 40 }), { default: [], maxItems: 20 }),
    annotations: Type.Object(
      {
        'knot/title': Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
        'knot/pod-security': Type.Union(
          [Type.Literal('privileged'), Type.Literal('baseline'), Type.Literal('restricted')],
          { default: 'restricted', description: 'Pod Security level that its pods fit in.' },
        ),
        'knot/memory': Type.Optional(
          Type.String({ description: 'What each of its pods needs at least on Kubernetes, an amount such as 2 GiB.' }),
        ),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

export type Chart = {
  name: string;
  version: string;
  title: string;
  description: string;
  categories: string[];
  release: ReleasePlan;
};

const file = 'Chart.yaml';
const memoryPath = 'annotations.knot/memory';
const read = Object.keys(ChartFile.properties);

/** Reads `Chart.yaml`; `folderName` must be the name in it, because Helm and people find it by that. */
export function readChart(text: string, folderName: string, problems: TemplateProblem[]): Chart | undefined {
  const yaml = readYaml(file, text, problems);
  if (yaml === undefined) return undefined;
  const { value } = yaml;
  if (!isJsonObject(value)) {
    problems.push({ file, line: 1, severity: 'error', message: 'must be a section with keys' });
    return undefined;
  }
  const own = Object.fromEntries(Object.entries(value).filter(([key]) => read.includes(key)));
  const { annotations } = own;
  if (isJsonObject(annotations))
    own['annotations'] = Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith('knot/')));
  const found: { path: string; message: string }[] = [];
  const chart = checkAgainst(ChartFile, own, found) as Static<typeof ChartFile>;
  const memory = found.length === 0 ? chart.annotations['knot/memory'] : undefined;
  checkAmount(memoryPath, memory, (path, message) => void found.push({ path, message }));
  for (const { path, message } of found) {
    const line = yaml.lineOf(path.split('.'));
    problems.push({ file, severity: 'error', message: `${path} ${message}`, ...(line !== undefined && { line }) });
  }
  if (found.length > 0) return undefined;
  const { name, version, description, keywords } = chart;
  if (name !== folderName) {
    const line = yaml.lineOf(['name']);
    const message = `name is "${name}", but the folder is called "${folderName}": they must be the same`;
    problems.push({ file, severity: 'error', message, ...(line !== undefined && { line }) });
  }
  const release: ReleasePlan = {
    podSecurity: chart.annotations['knot/pod-security'],
    memory: memory === undefined ? undefined : parseAmount(memory),
  };
  return { name, version, description, title: chart.annotations['knot/title'] ?? name, categories: keywords, release };
}
