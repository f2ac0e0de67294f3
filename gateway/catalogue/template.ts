import type { EngineKind, JsonObject, JsonSchema, ProcessPlan, ReleasePlan, TemplateFolder } from '../lib/index.ts';

/** Where a template comes from: shipped or named in `knot.yaml`, of a team, or of one person. Names of different origins never meet. */
export type Origin =
  | { kind: 'shipped' | 'admin' }
  | {
      kind: 'team' | 'user';
      owner: string;
      /** Pushed to the registry of images, in place of lying among the files. */
      isFromRegistry?: true;
    };

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
  /** Those that can be chosen, the newest first; absent where there is but this one. */
  versions?: readonly string[];
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

/** `web`, `team:physics/web`, `user:ann/web`, `user:ann@registry/web`: what the API and the command line call it. */
export function templateId({ origin, name }: Pick<Template, 'origin' | 'name'>): string {
  if (!('owner' in origin)) return name;
  return `${origin.kind}:${origin.owner}${origin.isFromRegistry ? '@registry' : ''}/${name}`;
}

/** The parts of the id of a template of a person or team; undefined for any other. One of a registry may name a version: `…/web@1.0.0`. */
export function partsOfOwn(
  id: string,
): { origin: Origin & { owner: string }; name: string; version?: string } | undefined {
  const [, kind, owner, registry, name, version] =
    /^(team|user):([^/@]+)(@registry)?\/([a-z][a-z0-9-]{0,39})(?:@([0-9A-Za-z.+-]{1,100}))?$/.exec(id) ?? [];
  if (kind === undefined || (registry === undefined && version !== undefined)) return undefined;
  return {
    origin: { kind: kind as 'team' | 'user', owner: owner!, ...(registry !== undefined && { isFromRegistry: true }) },
    name: name!,
    ...(version !== undefined && { version }),
  };
}
