import { checkName } from './names.ts';

/** Whose a namespace of a cluster is. */
type NamespaceOwner = { kind: 'user' | 'team'; name: string };

/** Names of people and teams hold no dash, and a person is never called `team`: no two owners have one namespace. */
const teamMark = 'team-';

export const namespaceOf = (
  { namespacePrefix }: { namespacePrefix: string },
  { kind, name }: Readonly<NamespaceOwner>,
): string => `${namespacePrefix}${kind === 'team' ? teamMark : ''}${name}`;

/** Whose it would be by its name, whether they exist or not; undefined where no owner's is called so. */
export function ownerOfNamespace(
  { namespacePrefix }: { namespacePrefix: string },
  namespace: string,
): NamespaceOwner | undefined {
  if (!namespace.startsWith(namespacePrefix)) return undefined;
  const rest = namespace.slice(namespacePrefix.length);
  const isTeam = rest.startsWith(teamMark);
  const name = isTeam ? rest.slice(teamMark.length) : rest;
  return checkName(name)?.reason === 'pattern' ? undefined : { kind: isTeam ? 'team' : 'user', name };
}
