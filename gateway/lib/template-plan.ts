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
  listen: { kind: 'socket' } | { kind: 'port'; port: number };
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
  };
  files: readonly FileMount[];
  /** Hosts that it reaches (`readHostPattern`), where its template is the administrators' own. */
  network: { hosts: readonly string[] };
};

export type FileMount = 'private' | 'shared' | 'teams';

/** What a launch knows and a template may name in braces (`{socket}`). */
export type LaunchFact = 'socket' | 'port' | 'home' | 'base' | 'origin' | 'secret' | 'template' | 'node' | 'python';
export type LaunchFacts = Readonly<Record<LaunchFact, string>>;

/** A program of the machine, and how an administrator gets it. */
export type Executable = { name: string; install: string | undefined };
