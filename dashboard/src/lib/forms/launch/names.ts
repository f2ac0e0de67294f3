/** A service's name is a part of its address: 32 characters at most (gateway/lib/service-name.ts). */
const mostCharacters = 32;

/** The name of a template, with a number where it is taken. */
export function freeName(template: string, taken: readonly string[]): string {
  const base = template
    .replace(/-+/g, '-')
    .slice(0, mostCharacters - 4)
    .replace(/-$/, '');
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** As it is typed: what an address cannot have becomes what it can. */
export const asName = (typed: string): string => typed.toLowerCase().replaceAll(/[\s_.]+/g, '-');
