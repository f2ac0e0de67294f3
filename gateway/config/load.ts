import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isNode } from 'yaml';
import { knotError, readYamlDocument } from '../lib/index.ts';
import { checkAgainst, type ConfigProblem } from './check.ts';
import { checkMeaning } from './meaning.ts';
import { type Config, ConfigSchema } from './schema/index.ts';

/** Settings given on the command line or in the environment; they beat the file. */
export type ConfigOverrides = {
  config?: string;
  data?: string;
  policies?: string;
  listen?: string;
  domain?: string;
  ops?: string;
  database?: string;
  log?: string;
  requests?: string;
};

export type LoadedConfig = {
  config: Config;
  /** The file that was read, or undefined when there was none. */
  file: string | undefined;
  /** Where a value comes from when not from the file or the default: `listen` → `--listen`. */
  sources: Record<string, string>;
  /** What works, but is likely to hurt. */
  warnings: ConfigProblem[];
};

const variables: Record<keyof ConfigOverrides, string> = {
  config: 'KNOT_CONFIG',
  data: 'KNOT_DATA',
  policies: 'KNOT_POLICIES',
  listen: 'KNOT_LISTEN',
  domain: 'KNOT_DOMAIN',
  ops: 'KNOT_OPS',
  database: 'KNOT_DATABASE',
  log: 'KNOT_LOG',
  requests: 'KNOT_REQUESTS',
};

/**
 * Builds the configuration: flags beat environment beats file beats defaults. `knot.yaml` in the working folder is read when
 * no file is named and it exists.
 * @throws KNOT_CONFIG_UNREADABLE (file missing or not YAML), KNOT_CONFIG_INVALID with `details.problems`: all of them
 */
export function loadConfig(
  flags: ConfigOverrides = {},
  environment: NodeJS.ProcessEnv = process.env,
  folder = process.cwd(),
): LoadedConfig {
  const sources: Record<string, string> = {};
  const overrides: ConfigOverrides = {};
  for (const [key, variable] of Object.entries(variables) as [keyof ConfigOverrides, string][]) {
    const value = flags[key] ?? environment[variable];
    if (value === undefined) continue;
    overrides[key] = value;
    sources[key] = flags[key] === undefined ? variable : `--${key}`;
  }
  const { file, value, position } = readFile(overrides.config, folder);
  const merged = merge(value, overrides);

  const problems: ConfigProblem[] = [];
  const checked = checkAgainst(ConfigSchema, merged, problems) as Config;
  const baseFolder = file ? dirname(file) : folder;
  const warnings: ConfigProblem[] = [];
  if (problems.length === 0) {
    const meaning = checkMeaning(checked, baseFolder, sources, environment);
    problems.push(...meaning.problems);
    warnings.push(...meaning.warnings.map((warning) => ({ ...warning, ...position(warning.path) })));
  }
  if (problems.length > 0) throw invalid(problems, file, sources, position);

  // What the file names lies beside the file; a flag or variable, beside whoever gave it; the defaults, where Knot itself is.
  const folderOf = (key: 'data' | 'policies', byDefault: string): string => {
    if (sources[key]) return folder;
    return isGiven(value, key) ? baseFolder : byDefault;
  };
  return {
    config: {
      ...checked,
      baseFolder,
      data: resolve(folderOf('data', folder), checked.data),
      policies: resolve(folderOf('policies', installationFolder), checked.policies),
    },
    file,
    sources,
    warnings,
  };
}

/** The shipped policies are part of the program, wherever it is started from. */
const installationFolder = join(import.meta.dirname, '..', '..');

function isGiven(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

function merge(value: unknown, { config: _file, log, requests, ...overrides }: ConfigOverrides): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const merged: Record<string, unknown> = { ...value, ...overrides };
  // `--log pretty` names the format, as `log.format` does in the file; `--requests all` is `log.requests`.
  const given = { ...(log !== undefined && { format: log }), ...(requests !== undefined && { requests }) };
  if (Object.keys(given).length > 0) merged['log'] = { ...(merged['log'] as object | undefined), ...given };
  return merged;
}

type Position = (path: string) => { line: number; column: number } | undefined;

function readFile(
  named: string | undefined,
  folder: string,
): { file: string | undefined; value: unknown; position: Position } {
  const file = resolve(folder, named ?? 'knot.yaml');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') {
      return { file: undefined, value: {}, position: () => undefined };
    }
    throw knotError('KNOT_CONFIG_UNREADABLE', 500, `The configuration file ${file} cannot be read.`, {
      cause: error,
      remedy: 'Check the path after --config (or KNOT_CONFIG) and its permissions.',
    });
  }
  const { document, lines, errors } = readYamlDocument(text);
  const [first] = errors;
  if (first) {
    const { line, col } = lines.linePos(first.offset);
    throw knotError('KNOT_CONFIG_UNREADABLE', 500, `${file}:${line}:${col} is not valid YAML: ${first.message}`, {
      remedy: 'Correct the file; nothing was started or changed.',
    });
  }
  let value: unknown;
  try {
    // Aliases are bounded so that a "billion laughs" file cannot eat the memory.
    value = document.toJS({ maxAliasCount: 50 }) ?? {};
  } catch (error) {
    throw knotError('KNOT_CONFIG_UNREADABLE', 500, `${file} uses YAML aliases too often.`, {
      cause: error,
      remedy: 'Write the values out; nothing was started or changed.',
    });
  }
  const position: Position = (path) => {
    const keys = path
      .split(/[.[\]]+/)
      .filter(Boolean)
      .map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    for (let length = keys.length; length > 0; length--) {
      const node = document.getIn(keys.slice(0, length), true);
      if (isNode(node) && node.range) {
        const { line, col } = lines.linePos(node.range[0]);
        return { line, column: col };
      }
    }
    return undefined;
  };
  return { file, value, position };
}

function invalid(
  problems: ConfigProblem[],
  file: string | undefined,
  sources: Record<string, string>,
  position: Position,
) {
  const located = problems.map((problem) => {
    const source = sources[problem.path.split(/[.[]/)[0]!];
    if (source) return { ...problem, path: `${problem.path} (from ${source})` };
    return { ...problem, ...position(problem.path) };
  });
  const lines = located.map(({ path, message, line, column }) => {
    const where = line === undefined ? '' : `${file}:${line}:${column ?? 1}: `;
    return `  ${where}${path || 'the file'} ${message}`;
  });
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return knotError('KNOT_CONFIG_INVALID', 500, `The configuration has ${count}:\n${lines.join('\n')}`, {
    details: { problems: located },
    remedy: '`knot config example` prints every setting with its meaning.',
  });
}
