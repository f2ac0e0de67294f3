import { limits } from './limits.ts';

/** Names of users and teams (DESIGN.md section 5): one flat space, `[a-z][a-z0-9]{0,29}`, never reserved, never reused. */

const pattern = new RegExp(`^[a-z][a-z0-9]{0,${limits.name - 1}}$`);

/**
 * Names that are hosts, paths, system accounts, mailboxes (RFC 2142), a project of Harbor (`library`), a key every object
 * of the language has (`constructor`), or words that would mislead.
 */
const reserved = new Set(
  (
    'admin admins administrator root system knot knotadmins support help security abuse postmaster webmaster hostmaster ' +
    'login logout signin signout signup signoff register account accounts auth oauth oidc sso saml session sessions token ' +
    'api app apps www web mail smtp ftp ns dns cdn static assets public private shared team teams user users group groups ' +
    'everyone nobody anonymous guest owner me self null undefined true false none all any default test localhost local ' +
    'jupyter jupyterhub hub notebook notebooks argo workflows harbor registry images grafana metrics gitea git code ' +
    'dashboard home files policies policy audit health healthz readyz status ops cli service services internal kubernetes ' +
    'kube docker setup invite reset wellknown ca ssh ldap imap pop vpn wpad autoconfig autodiscover email info noc news sales ' +
    'billing noreply daemon operator staff moderator superuser sysadmin sysop gateway proxy library constructor'
  ).split(' '),
);

/** Characters people confuse, folded to one: `0`/`o`, `1`/`l`/`i`, `5`/`s`, `rn`/`m`, `vv`/`w`. */
export function nameSkeleton(name: string): string {
  return name
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('0', 'o')
    .replaceAll(/[1i]/g, 'l')
    .replaceAll('5', 's')
    .replaceAll('8', 'b')
    .replaceAll('2', 'z');
}

/** Three letters are too few to mislead by their look, and too many people are called Ali (`all`). */
const reservedSkeletons = new Set([...reserved].filter((name) => name.length > 3).map(nameSkeleton));

export type NameProblem = { reason: 'pattern' | 'reserved'; message: string };

/** Checks the shape only; whether a name or its look-alike is taken is the accounts' question. */
export function checkName(name: string): NameProblem | undefined {
  if (!pattern.test(name)) {
    return {
      reason: 'pattern',
      message: `A name starts with a letter a–z and continues with letters a–z or digits, ${limits.name} characters at most.`,
    };
  }
  if (reserved.has(name) || reservedSkeletons.has(nameSkeleton(name))) {
    return { reason: 'reserved', message: `The name "${name}" is reserved, or looks like a reserved one.` };
  }
  return undefined;
}

/** Names in a sentence: `ann`, `ann and bob`, `ann, bob and 3 others`. */
export function listNames(names: readonly string[], most = 8): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} others`] : names;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/**
 * What has no place in a name that people read: control characters move the cursor of a terminal, line separators break lists, and
 * marks of direction reorder what stands beside them (Unicode Technical Report 36, section 2.5).
 */
export const hiddenCharacter = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
