import { basename, dirname, resolve } from 'node:path';
import { prepareTemplate, readCatalogue } from '../app/index.ts';
import {
  diskFolder,
  isUsable,
  readTemplateAt,
  runsBy,
  type Template,
  templateId,
  type TemplateProblem,
} from '../catalogue/index.ts';
import { loadConfig } from '../config/index.ts';
import { type EngineKind, knotError, printable } from '../lib/index.ts';
import { type Command, type Invocation, table } from './command.ts';
import { lintChart } from './lint-chart.ts';

const catalogueOf = (invocation: Invocation) => readCatalogue(loadConfig(invocation.settings).config);
const engineOf = (invocation: Invocation): EngineKind => loadConfig(invocation.settings).config.engine;

const where = ({ file, line, severity, message }: TemplateProblem): string =>
  `${printable(file)}${line === undefined ? '' : `:${line}`}: ${severity}: ${printable(message)}\n`;

const runsHere = (template: Template, engine: EngineKind): string =>
  !isUsable(template)
    ? 'has errors'
    : runsBy(engine, template)
      ? 'yes'
      : engine === 'process'
        ? 'Kubernetes only'
        : 'one machine only';

export const templateCommands: readonly Command[] = [
  {
    words: ['template', 'list'],
    usage: '[--json]',
    summary: 'Lists what can be launched, and what is wrong with the rest.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const { stdout } = invocation.streams;
      const templates = await (await catalogueOf(invocation)).list();
      const engine = engineOf(invocation);
      if (invocation.options['json'] === true) {
        const shown = templates.map(({ icon: _icon, readme: _readme, folder, ...template }) => ({
          id: templateId(template),
          ...template,
          folder: folder.path,
        }));
        stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
        return;
      }
      const rows = templates.map((each) => [
        templateId(each),
        each.version,
        each.origin.kind,
        runsHere(each, engine),
        each.title,
      ]);
      stdout.write(`${table([['NAME', 'VERSION', 'FROM', 'RUNS HERE', 'TITLE'], ...rows])}\n`);
      for (const template of templates)
        for (const problem of template.problems) stdout.write(`${printable(templateId(template))}/${where(problem)}`);
    },
  },
  {
    words: ['template', 'show'],
    usage: 'NAME [--json]',
    summary: 'Prints one template: what it is, its values and how it runs.',
    options: { json: { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      const id = invocation.positionals[0]!;
      const template = await (await catalogueOf(invocation)).find(id);
      if (template === undefined) {
        throw knotError('KNOT_CLI_NO_SUCH_TEMPLATE', 404, `There is no template "${id}".`, {
          remedy: '`knot template list` shows all of them.',
        });
      }
      const { stdout } = invocation.streams;
      if (invocation.options['json'] === true) {
        stdout.write(`${JSON.stringify({ id, ...template, folder: template.folder.path }, null, 2)}\n`);
        return;
      }
      const { title, version, description, values, process: plan, problems } = template;
      stdout.write(`${printable(title)} ${version}: ${printable(description)}\n`);
      stdout.write(`values: ${printable(JSON.stringify(values))}\n`);
      if (plan) stdout.write(`command: ${printable(JSON.stringify(plan.command))}\n`);
      for (const problem of problems) stdout.write(where(problem));
    },
  },
  {
    words: ['template', 'prepare'],
    usage: 'NAME',
    summary: 'Installs the packages that a template needs, so that nobody waits for them at a launch.',
    options: {},
    positionals: [1, 1],
    async run({ settings, positionals, streams }) {
      const [id] = positionals;
      const { config } = loadConfig(settings);
      const abort = new AbortController();
      process.once('SIGINT', () => abort.abort());
      let last = '';
      const onProgress = (message: string): void => {
        if (message !== last) streams.stderr.write(`${printable(message)}\n`);
        last = message;
      };
      const count = await prepareTemplate(config, id!, { signal: abort.signal, onProgress });
      streams.stdout.write(count === 0 ? `${id} needs no packages\n` : `${id}: its packages are installed\n`);
    },
  },
  {
    words: ['template', 'check'],
    usage: 'DIR',
    summary: 'Tells authors what is wrong with a template, by file and line.',
    options: {},
    positionals: [1, 1],
    async run(invocation) {
      const folder = resolve(invocation.positionals[0]!);
      const template = await readTemplateAt(diskFolder(folder), basename(folder), { kind: 'admin' }).catch(
        (error: unknown) => {
          throw knotError('KNOT_CLI_TEMPLATE_UNREADABLE', 400, `${printable(folder)} cannot be read.`, {
            cause: error,
            remedy: `Name a folder with a Chart.yaml in it, such as one in ${dirname(folder)}.`,
          });
        },
      );
      const lint =
        template.release && (await lintChart(loadConfig(invocation.settings).config.kubernetes.helm, folder));
      const problems = [...template.problems, ...(lint && 'problems' in lint ? lint.problems : [])];
      for (const problem of problems) invocation.streams.stderr.write(where(problem));
      if (!isUsable({ problems })) {
        throw knotError('KNOT_CLI_TEMPLATE_INVALID', 422, `The template in ${printable(folder)} cannot be launched.`, {
          remedy: 'Correct the lines above.',
        });
      }
      const { name, version, schemaSource } = template;
      const form = schemaSource === 'written' ? 'its form is written' : 'its form follows from values.yaml';
      const onKubernetes =
        lint === undefined ? 'no' : 'unchecked' in lint ? `not checked (${printable(lint.unchecked)})` : 'yes';
      invocation.streams.stdout.write(
        `${name} ${version}: valid; ${form}; runs without Kubernetes: ${template.process ? 'yes' : 'no'}; on Kubernetes: ${onKubernetes}\n`,
      );
    },
  },
];
