import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { covers, type Lock, textOfPath } from '../../files/index.ts';
import { equalSecrets, knotError, type Principal } from '../../lib/index.ts';
import { identityOf } from '../context.ts';
import type { Place } from '../files/places.ts';
import { badDepth, noParent, notHere } from './answers.ts';
import { notHeld } from './conditions.ts';
import type { Dav, Judge } from './judge.ts';
import { activeLock, type ShownLock } from './properties.ts';
import type { Handler } from './read-methods.ts';
import { childOf, davNamespace, documentOf, type Element, escapeXml, readXml, xmlType } from './xml.ts';

const usualSeconds = 600;
const longestOwner = 1000;

/** LOCK and UNLOCK (RFC 4918 sections 9.10 and 9.11): write locks, exclusive or shared, kept in the store for all gateways. */
export function createLockMethods(
  { places, acts, spots }: Dav,
  judge: Judge,
  shownLock: (lock: Lock, place: Place, principal: Principal) => ShownLock,
) {
  const locks = () => places.files().locks;

  async function lockable(request: FastifyRequest): Promise<Place> {
    const spot = await spots.spotOf(request);
    if (spot.kind === 'place') return spot;
    throw notHere('The folders above the areas cannot be locked', 403);
  }

  const lock: Handler = async (request, reply) => {
    const place = await lockable(request);
    const { mayWrite, knownFolders } = acts.demandAdding(request, place);
    const body = await readXml(request);
    const judged = await judge.judge(request, place);
    const { entry, known } = judged;
    const { principal } = identityOf(request);
    const seconds = secondsIn(request.headers['timeout']);
    const answer = (taken: Lock, status: number) =>
      reply
        .code(status)
        .type(xmlType)
        .header('lock-token', `<${taken.token}>`)
        .send(
          documentOf('prop', `<D:lockdiscovery>${activeLock(shownLock(taken, place, principal))}</D:lockdiscovery>`),
        );
    if (body === undefined) {
      const held = judged.locks.find(
        ({ token, userId, ...at }) => known.has(token) && userId === principal.id && covers(at, textOfPath(place.path)),
      );
      // RFC 4918 section 9.10.2: which one it is stands in the If header.
      if (held === undefined) throw notHeld();
      return answer(await locks().extend(held, seconds), 200);
    }
    // Whoever may only hand files in holds back nobody who works on them; who sees none of them does not learn which there are.
    if (!mayWrite && (entry !== undefined || knownFolders !== undefined)) places.demand(request, 'writeFiles', place);
    const { isShared, owner } = wantedIn(body);
    const depth = String(request.headers['depth'] ?? 'infinity').toLowerCase();
    if (depth !== '0' && depth !== 'infinity') throw badDepth();
    if (entry === undefined) {
      if (judge.look({ ...place, path: place.path.slice(0, -1) })?.kind !== 'folder') throw noParent();
      judge.demandUnlocked(request, place, judged, { isWhole: false, isMember: true });
    }
    const wanted = { isDeep: depth === 'infinity', isShared, userId: principal.id, owner, seconds };
    const taken = await locks().take(place.disk, place.path, wanted);
    if (entry !== undefined) return answer(taken, 200);
    try {
      // What is locked before it is there is an empty file (RFC 4918 section 7.3).
      await acts.write(request, reply, place, { isNew: true, body: Readable.from([]) });
    } catch (error) {
      await locks().release(taken);
      throw error;
    }
    return answer(taken, 201);
  };

  const unlock: Handler = async (request, reply) => {
    const place = await lockable(request);
    places.demand(request, 'listFiles', place);
    const token = /^\s*<([^<>\s]+)>\s*$/.exec(String(request.headers['lock-token'] ?? ''))?.[1];
    if (token === undefined) throw noToken(400);
    const held = (await locks().in(place.disk)).find((one) => equalSecrets(one.token, token));
    // One of somebody else is told apart from none only by who took it.
    const isOwn = held?.userId === identityOf(request).principal.id;
    if (held === undefined || !isOwn || !covers(held, textOfPath(place.path))) throw noToken(409);
    await locks().release(held);
    return reply.code(204).send();
  };

  return { LOCK: lock, UNLOCK: unlock };
}

const noToken = (status: 400 | 409) =>
  knotError('KNOT_API_DAV_LOCK_TOKEN', status, 'The Lock-Token names no lock that you hold here.', {
    remedy: 'Send the token that LOCK answered, in angle brackets.',
  });

/** `Second-N` first, then what else a client would take; `Infinite` is an hour here (RFC 4918 section 10.7). */
function secondsIn(header: string | string[] | undefined): number {
  const [first = ''] = String(header ?? '').split(',');
  const [, seconds] = /^\s*second-(\d{1,10})\s*$/i.exec(first) ?? [];
  if (seconds !== undefined) return Number(seconds);
  return /^\s*infinite\s*$/i.test(first) ? Number.MAX_SAFE_INTEGER / 1000 : usualSeconds;
}

function wantedIn(body: Element): { isShared: boolean; owner: string } {
  const isLockInfo = body.uri === davNamespace && body.local === 'lockinfo';
  const scope = childOf(body, 'lockscope');
  const isShared = childOf(scope, 'shared') !== undefined;
  const isExclusive = childOf(scope, 'exclusive') !== undefined;
  const isWrite = childOf(childOf(body, 'locktype'), 'write') !== undefined;
  if (!isLockInfo || !isWrite || isShared === isExclusive) {
    throw knotError('KNOT_API_DAV_XML', 400, 'The body asks for no lock that there is here.', {
      remedy: 'A lock is for writing, and exclusive or shared.',
    });
  }
  return { isShared, owner: ownerIn(childOf(body, 'owner')) };
}

/** An address or a text, which is what clients send; made anew, so that nothing of theirs is given to others as it came. */
function ownerIn(owner: Element | undefined): string {
  if (owner === undefined) return '';
  const href = childOf(owner, 'href')?.text.trim();
  const text = escapeXml((href ?? allText(owner)).trim().slice(0, longestOwner));
  return href === undefined ? text : `<D:href>${text}</D:href>`;
}

const allText = ({ text, children }: Element): string => [text, ...children.map(allText)].join(' ');
