import { isJsonObject } from '../lib/index.ts';
import type { TemplateProblem } from './template.ts';

/** Name of a list of npm packages in the folder of a template. */
export const npmListName = /^[a-z][a-z0-9-]{0,40}-lock\.json$/;

const mostPackages = 3000;
const mostProblems = 20;
const place = /^(?:node_modules\/(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*(?:\/|$))+$/;
const registry = 'https://registry.npmjs.org/';

/**
 * Checks a list of npm packages of a template (npm, "package-lock.json", version 3): every package with its version and the digest of its
 * file, from the registry and nowhere else, so that what is installed is what its author saw, whatever a registry hands out.
 */
export function checkNpmList(file: string, text: string, problems: TemplateProblem[]): void {
  const lines = text.split('\n');
  const before = problems.length;
  const complain = (message: string, key?: string): void => {
    if (problems.length - before >= mostProblems) return;
    const line = key === undefined ? 1 : lines.findIndex((one) => one.includes(`${JSON.stringify(key)}:`)) + 1;
    problems.push({ file, severity: 'error', message, ...(line > 0 && { line }) });
  };
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return complain('is not JSON');
  }
  if (!isJsonObject(list) || list['lockfileVersion'] !== 3 || !isJsonObject(list['packages']))
    return complain('must be a package-lock.json of version 3 (npm 9 or newer writes it)');
  const all = Object.entries(list['packages']);
  if (all.length > mostPackages) return complain(`lists ${all.length} packages; at most ${mostPackages} may be`);
  const root = list['packages'][''];
  if (!isJsonObject(root) || !isJsonObject(root['dependencies']))
    return complain('must begin with what is wanted: "packages": {"": {"dependencies": …}}');
  for (const [key, entry] of all) {
    if (key === '') continue;
    if (!place.test(key) || key.split('/').includes('..'))
      complain(`"${key.slice(0, 80)}" is no place of a package`, key);
    else if (!isJsonObject(entry) || entry['link'] === true || typeof entry['version'] !== 'string')
      complain(`"${key}" is not one version of a package`, key);
    else if (typeof entry['resolved'] === 'string' && !entry['resolved'].startsWith(registry))
      complain(`"${key}" comes from elsewhere than the registry`, key);
    else if (entry['inBundle'] !== true && !isDigest(entry['integrity']))
      complain(`"${key}" has no digest ("integrity": "sha512-…")`, key);
  }
}

const isDigest = (text: unknown): boolean => typeof text === 'string' && /^sha512-[A-Za-z0-9+/]{86}==$/.test(text);
