import type { EngineKind, JsonObject, JsonSchema, ProcessPlan, ReleasePlan, TemplateFolder } from '../lib/index.ts';

/** Where a template comes from: shipped or named in `knot.yaml`, of a team, or of one person. Names of different origins never meet. */
export type Origin = { kind: 'shipped' | 'admin' } | { kind: 'team' | 'user'; owner: string };

/** Something in a template that is not as it must be. */
export type TemplateProblem = {
  /** File in the folder of the template. */
  file: string;
  /** From 1, where it is known. */
  line?: number;
  /** `error`: the template cannot be launched. `warning`: it can, but not all of it is used. */
  severity: 'error' | 'warning';
  message: string;
};

export type Template = {
  /** Name of the chart: `web`. */
  name: string;
  origin: Origin;
  version: string;
  title: string;
  description: string;
  categories: readonly string[];
  /** Markdown. */
  readme: string | undefined;
  /** SVG; `digest` is another one with every change of it. */
  icon: { text: string; digest: string } | undefined;
  /** Of the values a person gives where services run by the engine here; what `values.yaml` says is the default of each. */
  schema: JsonSchema;
  /** Whether the schema was written, or found from `values.yaml`. */
  schemaSource: 'written' | 'inferred';
  values: JsonObject;
  /** Without it the template runs on Kubernetes only. */
  process: ProcessPlan | undefined;
  /** Without it the template runs on a machine only. */
  release: ReleasePlan | undefined;
  /** Where its files are. */
  folder: TemplateFolder;
  problems: readonly TemplateProblem[];
};

/** Whether it can be launched at all. */
export const isUsable = ({ problems }: Pick<Template, 'problems'>): boolean =>
  problems.every(({ severity }) => severity !== 'error');

/** Whether it says how it runs by an engine. */
export const runsBy = (engine: EngineKind, { process, release }: Pick<Template, 'process' | 'release'>): boolean =>
  (engine === 'kubernetes' ? release : process) !== undefined;

/** `web`, `team:physics/web`, `user:ann/web`: what the API and the command line call it. */
export function templateId({ origin, name }: Pick<Template, 'origin' | 'name'>): string {
  return origin.kind === 'team' || origin.kind === 'user' ? `${origin.kind}:${origin.owner}/${name}` : name;
}
