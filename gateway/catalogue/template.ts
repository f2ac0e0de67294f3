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

/** A part of JSON Schema (draft 2020-12) and the hints of `x-knot` beside it. */
export type JsonSchema = { [keyword: string]: unknown };

/** How a template runs without Kubernetes: `process.yaml`. */
export type ProcessPlan = {
  /** Program and arguments, with placeholders; never a shell line. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** The program listens on `{socket}` itself, or on a port of 127.0.0.1 that is its own. */
  listen: { kind: 'socket' } | { kind: 'port'; port: number };
  /** It answers when this path answers with anything below 500. */
  ready: string;
  startSeconds: number;
  /** Bytes of memory without which it does not start. */
  memory: number | undefined;
  needs: { executables: readonly Executable[]; python: readonly string[] };
  files: readonly FileMount[];
};

export type FileMount = 'private' | 'shared' | 'teams';

/** A program of the machine, and how an administrator gets it. */
export type Executable = { name: string; install: string | undefined };

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
  /** SVG. */
  icon: string | undefined;
  /** Of the values a person gives; what `values.yaml` says is the default of each. */
  schema: JsonSchema;
  /** Whether the schema was written, or found from `values.yaml`. */
  schemaSource: 'written' | 'inferred';
  values: JsonObject;
  /** Without it the template runs on Kubernetes only. */
  process: ProcessPlan | undefined;
  /** Of everything in the folder: two versions of a template are the same when this is. */
  digest: string;
  problems: readonly TemplateProblem[];
};

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/** Whether it can be launched at all. */
export const isUsable = ({ problems }: Pick<Template, 'problems'>): boolean =>
  problems.every(({ severity }) => severity !== 'error');

/** `web`, `team:physics/web`, `user:ann/web`: what the API and the command line call it. */
export function templateId({ origin, name }: Pick<Template, 'origin' | 'name'>): string {
  return origin.kind === 'team' || origin.kind === 'user' ? `${origin.kind}:${origin.owner}/${name}` : name;
}
