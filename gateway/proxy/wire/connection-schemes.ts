import { type Fields, listElements } from './http-fields.ts';

/**
 * Authentication that belongs to a connection. HTTP is stateless, each request is understood by itself (RFC 9110 section 3.3); these
 * schemes break that: what one request has proven holds for all that follow on its connection (RFC 4559 section 6, MS-NTHT). Such a
 * connection must not carry the requests of anyone else, so an upstream's one becomes private to one connection of one client
 * (`upstream/private-connections.ts`). HTTP/2 carries many requests at once on a connection, so there the schemes cannot be told apart by
 * connection at all: towards an HTTP/2 upstream they are taken out, and an HTTP/2 client is asked to come over HTTP/1.1.
 */
const schemes = '(?:ntlm|negotiate|nego2|kerberos|pku2u|credssp|gssapi|gss-spnego)(?![a-z0-9-])';
const credentials = new RegExp(`^[\\s,]*${schemes}`, 'i');
const mentioned = new RegExp(`(?:^|[^a-z0-9-])${schemes}`, 'i');
const challenge = new RegExp(`^${schemes}`, 'i');

/** Whether credentials in an Authorization field authenticate the connection. */
export function bindsConnection(authorization: string | undefined): boolean {
  return authorization !== undefined && credentials.test(authorization);
}

/**
 * Whether a field of an answer says that its connection is, or is about to be, somebody's. Rather once too often: the price is one
 * connection that is not shared.
 */
export function saysBound(name: string, value: string): boolean {
  switch (name) {
    case 'www-authenticate':
    case 'proxy-authenticate':
      return mentioned.test(value);
    case 'persistent-auth':
      return !/^\s*false\s*$/i.test(value);
    default:
      return false;
  }
}

/** Whether an answer asks for authentication of the connection. */
export function asksToBind(fields: Fields): boolean {
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] === 'www-authenticate' && mentioned.test(fields[index + 1]!)) return true;
  }
  return false;
}

/** An element of a list of challenges that belongs to the challenge before it (`auth-param`, RFC 9110 section 11.2). */
const parameter = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+[\t ]*=/;

/**
 * The challenges of a field that are stateless, '' when there are none: several may stand in one field, and the commas that divide
 * them also divide the parameters of each (RFC 9110 section 11.6.1). A field that cannot be taken apart goes as a whole.
 */
export function statelessChallenges(value: string): string {
  if (!mentioned.test(value)) return value;
  let isKept = false;
  const kept = (listElements(value) ?? []).filter((element) => {
    if (!parameter.test(element)) isKept = !challenge.test(element);
    return isKept;
  });
  return kept.join(', ');
}
