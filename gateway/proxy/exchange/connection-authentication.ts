import { type CanonicalRequest, plainAddress } from '../../lib/index.ts';
import { type ClientRequest, isHttp2 } from '../message/answers.ts';
import type { Visitor } from '../judge/gate.ts';
import type { ConnectionOwner } from '../upstream/forwarder.ts';
import type { Target } from '../upstream/upstreams.ts';
import type { WarnOnce } from '../judge/warn-once.ts';
import { asksToBind, statelessChallenges } from '../wire/connection-schemes.ts';
import type { Fields } from '../wire/http-fields.ts';

/** What a client gets of an answer: of an HTTP/2 upstream, whose connection carries everybody's requests, no such challenge. */
export function unbound(fields: Fields, target: Target, warnOnce: WarnOnce): Fields {
  if (target.route.upstream.http2 !== true || !asksToBind(fields)) return fields;
  tellTakenOut(target, warnOnce);
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = name === 'www-authenticate' ? statelessChallenges(fields[index + 1]!) : fields[index + 1]!;
    if (value !== '') kept.push(name, value);
  }
  return kept;
}

export function tellTakenOut({ route: { host } }: Target, warnOnce: WarnOnce): void {
  const message = 'authentication of a connection (NTLM, Negotiate) cannot pass to an HTTP/2 upstream and is taken out';
  warnOnce(`bound ${host}`, { host }, message);
}

/**
 * Whom a connection may be kept for: a session, or somebody without one, on an HTTP/1.1 connection. Undefined for somebody without a
 * session behind a proxy, because one connection of that may carry many people.
 */
export function ownerOf(
  request: ClientRequest,
  { address, host }: CanonicalRequest,
  visitor: Visitor | undefined,
): ConnectionOwner | undefined {
  if (isHttp2(request)) return undefined;
  const { socket: client } = request;
  if (visitor !== undefined) return { client, who: visitor.session.id };
  const peer = client.remoteAddress ?? '';
  return address === (plainAddress(peer) ?? peer) ? { client, who: `nobody at ${host}` } : undefined;
}
