import { type JsonObject, type LaunchFact, type LaunchFacts, valueAtPath } from '../lib/index.ts';

/**
 * What stands in braces in an argument of `process.yaml` is filled in at launch: a fact of the launch, or `values.PATH`, a value the
 * person gave. One argument stays one argument, whatever is filled in; `{{` and `}}` are braces.
 */
export const launchFacts = {
  socket: 'the Unix socket the program must listen on',
  port: 'the port of 127.0.0.1 the program must listen on',
  home: 'a folder of the service that stays when it stops',
  base: 'the path the service is reached at, without a slash at its end: empty on a host of its own',
  origin: 'the address people open: https://NAME-OWNER.DOMAIN, or below appsDomain',
  secret: 'a random value, another one at each launch',
  template: 'the folder of the template, read-only',
  node: 'the Node.js of Knot',
  python: 'the Python of the packages that the template needs',
  packages: 'the folder of the npm packages that the template needs',
  offer: 'a folder that other services of the owner see at /run/services/NAME, where their values say so',
  values: 'all values, as JSON',
} as const satisfies LaunchFacts;

const token = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
const valuePath = /^values(?:\.[A-Za-z0-9_-]+)+$/;

/** What is wrong with the placeholders of a text. */
export function checkPlaceholders(text: string, values: JsonObject): string[] {
  const problems: string[] = [];
  for (const [whole, name] of text.matchAll(token)) {
    if (whole === '{{' || whole === '}}') continue;
    if (name === undefined) problems.push(`has a single "${whole}"; write "${whole}${whole}" for the character itself`);
    else if (Object.hasOwn(launchFacts, name)) continue;
    else if (!valuePath.test(name))
      problems.push(`does not know {${name}}: there are ${Object.keys(launchFacts).join(', ')} and values.PATH`);
    else {
      const value = valueAtPath(values, name);
      if (value === undefined) problems.push(`names {${name}}, which is not in values.yaml`);
      else if (typeof value === 'object') problems.push(`names {${name}}, which is no single value`);
    }
  }
  return problems;
}

/** The text with everything filled in. What a value holds is not looked at again: it fills nothing in itself. */
export function fillIn(text: string, facts: LaunchFacts, values: JsonObject): string {
  return text.replaceAll(token, (whole, name: string | undefined) => {
    if (whole === '{{') return '{';
    if (whole === '}}') return '}';
    if (name === undefined) return whole;
    if (Object.hasOwn(facts, name)) return facts[name as LaunchFact];
    const value = valueAtPath(values, name);
    return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
  });
}
