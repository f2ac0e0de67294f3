/**
 * Whose a password or a token of the registry is. A password stands beside a name (RFC 7617); a token names its subject, and is not
 * verified here: Harbor does that. A robot of a project (`robot$ada+knot-0`) acts for whoever the project is named after; what stands before
 * that is the installation's own (`robotPrefix`, as it was seen last; until then, or where it was changed since, all up to a `$`).
 */
export function claimedBy(authorization: string, robotPrefix: string): string | undefined {
  const name = /^basic +/i.test(authorization) ? nameOf(authorization) : subjectOf(authorization);
  const robot = name === undefined ? null : /^([^+]*)\+/.exec(name);
  if (robot === null) return name;
  const [, before = ''] = robot;
  const project = before.startsWith(robotPrefix) ? before.slice(robotPrefix.length) : before.replace(/^[^$]*\$/, '');
  return /^[a-z][a-z0-9]*$/.test(project) ? project : name;
}

function nameOf(authorization: string): string | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization) ?? [];
  if (encoded === undefined || encoded.length > mostLetters) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const at = text.indexOf(':');
  return at === -1 ? undefined : text.slice(0, at);
}

function subjectOf(authorization: string): string | undefined {
  const [, payload] = /^bearer +[\w-]+\.([\w-]+)\.[\w-]+ *$/i.exec(authorization) ?? [];
  if (payload === undefined || payload.length > mostLetters) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    // Of an ID token of Knot, which Harbor takes too, the subject is a number.
    const name = claims['preferred_username'] ?? claims['sub'];
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}

const mostLetters = 32_768;
