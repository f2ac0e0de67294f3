import { createHash } from 'node:crypto';
import { readChart } from './chart-file.ts';
import type { TemplateFile, TemplateFiles } from './folder.ts';
import { inferSchema } from './infer-schema.ts';
import { valuesOfEngine } from './of-engine.ts';
import { checkNpmList } from './npm-list.ts';
import { readProcess } from './process-file.ts';
import { checkRequirements } from './requirements-file.ts';
import {
  checkValues,
  type EngineKind,
  isJsonObject,
  type JsonObject,
  type JsonSchema,
  type TemplateFolder,
  readYaml,
  type YamlFile,
} from '../lib/index.ts';
import type { Origin, Template, TemplateProblem } from './template.ts';
import { readValuesSchema } from './values-schema.ts';

const none: JsonSchema = { type: 'object', properties: {} };

/** Makes a template of its files. Never fails: what is wrong stands in `problems`, with file and line. */
export function readTemplate(
  folder: TemplateFolder,
  folderName: string,
  origin: Origin,
  files: TemplateFiles,
  engine: EngineKind,
): Template {
  const problems: TemplateProblem[] = [...files.refused].map(([file, reason]) => ({
    file,
    severity: 'error',
    message: reason,
  }));
  const read = <T>(name: TemplateFile, reader: (text: string) => T): T | undefined => {
    const text = files.text(name);
    return text === undefined ? undefined : reader(text);
  };
  const chart = read('Chart.yaml', (text) => readChart(text, folderName, problems));
  if (files.text('Chart.yaml') === undefined && !files.refused.has('Chart.yaml'))
    problems.push({ file: 'Chart.yaml', severity: 'error', message: 'is missing: a template is a Helm chart' });
  const defaults = read('values.yaml', (text) => readDefaults(text, problems));
  const values = (defaults?.value ?? {}) as JsonObject;
  const written = read('values.schema.json', (text) => readValuesSchema(text, problems));
  const schema = written ?? (defaults ? inferSchema(defaults, problems) : none);
  const plan = read('process.yaml', (text) => readProcess(text, values, problems));
  if (plan?.needs.requirements !== undefined) {
    read('requirements.txt', (text) => checkRequirements(text, problems));
    if (files.text('requirements.txt') === undefined && !files.refused.has('requirements.txt'))
      problems.push({ file: 'requirements.txt', severity: 'error', message: 'is missing: process.yaml names it' });
  }
  for (const { lock } of plan?.needs.npm ?? []) {
    const text = files.text(lock);
    if (text !== undefined) checkNpmList(lock, text, problems);
    else if (!files.refused.has(lock))
      problems.push({ file: lock, severity: 'error', message: 'is missing: process.yaml names it' });
  }
  if (written)
    for (const { pointer, message } of checkValues(schema, withoutKnot(values)))
      problems.push({
        file: 'values.yaml',
        severity: 'error',
        message: `${pointer || '/'} is not what values.schema.json allows: ${message}`,
      });
  if (files.text('process.yaml') === undefined && !files.isChart && !files.refused.has('process.yaml'))
    problems.push({
      file: 'process.yaml',
      severity: 'error',
      message: 'is missing, and so is templates/: nothing says how it runs',
    });
  return {
    name: folderName,
    origin,
    version: chart?.version ?? '',
    title: chart?.title ?? folderName,
    description: chart?.description ?? '',
    categories: chart?.categories ?? [],
    readme: files.text('README.md'),
    icon: read('icon.svg', iconOf),
    ...valuesOfEngine({ schema, values }, engine),
    schemaSource: written ? 'written' : 'inferred',
    process: plan,
    release: files.isChart && chart ? { ...chart.release, memory: chart.release.memory ?? plan?.memory } : undefined,
    folder,
    problems,
  };
}

function iconOf(text: string): NonNullable<Template['icon']> {
  return { text, digest: createHash('sha256').update(text).digest('hex').slice(0, 12) };
}

function readDefaults(text: string, problems: TemplateProblem[]): YamlFile | undefined {
  const yaml = readYaml('values.yaml', text, problems);
  if (yaml === undefined) return undefined;
  // An empty file is as good as none.
  if (yaml.value === null) return undefined;
  if (isJsonObject(yaml.value)) return yaml;
  problems.push({ file: 'values.yaml', line: 1, severity: 'error', message: 'must be a section with keys' });
  return undefined;
}

/** `knot` is filled in at launch: what stands there in the file are examples. */
function withoutKnot({ knot: _knot, ...rest }: JsonObject): JsonObject {
  return rest;
}
