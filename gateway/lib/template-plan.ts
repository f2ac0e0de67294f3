/** Plain data, and how a template says that it runs: what catalogue and services both speak of. */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** A part of JSON Schema (draft 2020-12) and the hints of `x-knot` beside it. */
export type JsonSchema = { [keyword: string]: unknown };

/** How a template runs without Kubernetes: `process.yaml`. */
export type ProcessPlan = {
  /** Program and arguments, with placeholders; never a shell line. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** The program listens on `{socket}` itself, or on a port of 127.0.0.1 that is its own. */
  listen:
    | { kind: 'socket' }
    | { kind: 'port'; port: number }
    /** It speaks no HTTP: other services of the owner reach the socket `file` in `{offer}`. `check` ends with 0 when it is ready. */
    | { kind: 'offer'; file: string; speaks: string; check?: readonly string[] | undefined };
  /** What asks it to end in good order, where that is not SIGTERM. */
  stop?: 'SIGINT' | 'SIGQUIT' | undefined;
  /** It answers when this path answers with anything below 500. */
  ready: string;
  startSeconds: number;
  /** Bytes of memory without which it does not start. */
  memory: number | undefined;
  needs: {
    executables: readonly Executable[];
    /** Packages with their exact versions; what they need themselves is found when they are installed. */
    python: readonly string[];
    /** Instead: a file of the template that lists every package with version and digests. */
    requirements?: string | undefined;
    /** Packages of npm: lists in files of the template, and where in what is installed each belongs ('' for the first). */
    npm?: readonly { lock: string; into: string }[] | undefined;
  };
  files: readonly FileMount[];
  /** Hosts that it reaches (`readHostPattern`), where its template is the administrators' own. */
  network: { hosts: readonly string[] };
  /** When it may be put to sleep; without it, as its owner's plan and knot.yaml say. */
  rest?: RestPlan;
  /** The value (`values.PATH`) that names other services of the owner whose offers it sees below `/run/services`. */
  reaches?: string | undefined;
};

/** Whether anything has to be installed before its program can be started. */
export const needsPackages = ({ python, requirements, npm }: ProcessPlan['needs']): boolean =>
  python.length > 0 || requirements !== undefined || npm !== undefined;

/** What runs services: programs of this machine, or releases in a cluster. */
export type EngineKind = 'process' | 'kubernetes';

/** How a template runs on Kubernetes: it is a Helm chart with `templates/`, and `Chart.yaml` says what it needs there. */
export type ReleasePlan = {
  /** Pod Security level (Kubernetes, "Pod Security Standards") that its pods fit in. */
  podSecurity: PodSecurity;
  /** Bytes of memory without which it does not start. */
  memory: number | undefined;
};

export type PodSecurity = 'privileged' | 'baseline' | 'restricted';

export type RestPlan = {
  /** How long nobody need use it before it sleeps. */
  idleSeconds?: number;
  /** Paths, with all below them, that its pages ask for by themselves: asking for them is no use. */
  quiet: readonly string[];
  /** `acts`: what a person sends on a WebSocket is use. `open`: one that is open is. */
  sockets: 'acts' | 'open';
  /** How it is found out that it works at something without anybody looking. */
  busy?: BusyPlan;
};

export type BusyPlan = {
  /** For its people: `A cell is running.` */
  says: string;
  /** A path of its own that answers with JSON, and where in that to look: a JSON pointer (RFC 6901) in which `*` is each part. */
  path?: string;
  pointer?: string;
  /** It works when one of these stands there; without it, when anything but nothing does (null, false, 0, '', none). */
  is?: readonly JsonValue[];
  /** It works when it uses at least this much of a processor (0.5 is half of one). */
  cpu?: number;
};

export type FileMount = 'private' | 'shared' | 'teams';

/** What a launch knows and a template may name in braces (`{socket}`). */
export type LaunchFact =
  | 'socket'
  | 'port'
  | 'home'
  | 'base'
  | 'origin'
  | 'secret'
  | 'template'
  | 'node'
  | 'python'
  | 'packages'
  | 'offer'
  | 'values';
export type LaunchFacts = Readonly<Record<LaunchFact, string>>;

/** A program of the machine, and how an administrator gets it. */
export type Executable = {
  name: string;
  install: string | undefined;
  /** Folders where it is besides the usual ones; `*` stands for anything in one name. */
  folders?: readonly string[];
};
