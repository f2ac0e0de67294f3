/** A label of a host has 63 characters (RFC 1035 section 2.3.4): a name, a hyphen, and the name of an owner of at most 30. */
const mostCharacters = 32;
const pattern = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/** Why something cannot be the name of a service, for a person. */
export function checkServiceName(name: string): string | undefined {
  if (name.length > mostCharacters) return `A name has at most ${mostCharacters} characters.`;
  if (!pattern.test(name))
    return 'A name has letters a–z, digits and hyphens; it begins with a letter and does not end with a hyphen.';
  // `xn--` and its like make other letters of a host (RFC 5891 section 4.2.3.1).
  if (name.includes('--')) return 'A name has no two hyphens side by side.';
  return undefined;
}

/** Names of owners have no hyphen: the last one of the label stands between the two, and no two pairs have one label. */
export function hostLabel(name: string, owner: string): string {
  return `${name}-${owner}`;
}
