import { readFileSync } from 'node:fs';

/** As npm reads it (npm, "npmrc"): `${NAME}`, or `${NAME?}` for nothing where there is none; not behind an odd number of backslashes. */
const reference = /(?<!\\)(?:\\\\)*\$\{([^${}?]+)\??\}/g;

/**
 * The variables of the gateway that files of settings of npm name, with what they hold: `//registry.example/:_authToken=${TOKEN}`. Whoever wrote
 * the file hands them to npm; no other variable of the gateway is. A file that cannot be read names none.
 */
export function variablesNamedIn(
  files: readonly (string | undefined)[],
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const named = files.flatMap((file) => [...textOf(file).matchAll(reference)].map(([, name]) => name!));
  return Object.fromEntries(
    named.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

function textOf(file: string | undefined): string {
  if (file === undefined) return '';
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
