import type { FastifyRequest } from 'fastify';
import { type Entry, isBelow, textOfPath } from '../../files/index.ts';
import { KnotError, knotError } from '../../lib/index.ts';
import { tagsIn } from '../files/content.ts';
import { digestSaid } from '../files/digest.ts';
import type { Place } from '../files/places.ts';
import { badDepth, noParent, notHere } from './answers.ts';
import { checkTags, notHeld } from './conditions.ts';
import type { Dav, Judge } from './judge.ts';
import { emptyElement, propstat } from './properties.ts';
import type { Handler } from './read-methods.ts';
import { addressOfSpot, badDestination } from './spots.ts';
import { davNamespace, documentOf, type Element, escapeXml, readXml, xmlType } from './xml.ts';

/** PUT, DELETE, MKCOL, COPY, MOVE and PROPPATCH: each as the API does it, and kept back by conditions and locks as RFC 4918 has them. */
export function createWriteMethods({ places, acts, spots }: Dav, judge: Judge) {
  const files = () => places.files();

  const put: Handler = async (request, reply) => {
    const place = await judge.placeOf(request, 'Only a file has content');
    acts.demandAdding(request, place);
    if (request.headers['content-range'] !== undefined) throw partial();
    const judged = await judge.judge(request, place);
    const { entry, isVersioned } = judged;
    if (entry?.kind === 'folder') throw notHere('A folder has no content');
    judge.demandUnlocked(request, place, judged, { isWhole: false, isMember: entry === undefined });
    const unwanted = tagsIn(request.headers['if-none-match']);
    if (entry !== undefined && unwanted?.some((tag) => tag === '*' || tag === entry.etag)) throw notHeld();
    const ifMatch = tagsIn(request.headers['if-match']) ?? (isVersioned && entry ? [entry.etag] : undefined);
    const written = await intoFolder(() =>
      acts.write(request, reply, place, {
        ifMatch,
        isNew: unwanted?.includes('*') === true,
        sha256: digestSaid(request),
      }),
    );
    return reply
      .code(written.isNew ? 201 : 204)
      .header('etag', written.entry.etag)
      .send();
  };

  const remove: Handler = async (request, reply) => {
    const place = await judge.placeOf(request, 'An area is not deleted here', 403);
    places.demand(request, 'writeFiles', place);
    const entry = files().look(place.disk, place.path);
    if (entry.kind === 'folder' && !isDeep(request)) throw badDepth();
    const judged = await judge.judge(request, place);
    checkTags(request, entry);
    judge.demandUnlocked(request, place, judged, { isWhole: true, isMember: true });
    await acts.toTrash(request, place);
    return reply.code(204).send();
  };

  const mkcol: Handler = async (request, reply) => {
    const place = await judge.placeOf(request, 'It is there already');
    acts.demandAdding(request, place);
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    if ((length ?? '0') !== '0' || coding !== undefined) throw notHere('A folder is made without a body', 415);
    const judged = await judge.judge(request, place);
    checkTags(request, judged.entry);
    if (judged.entry !== undefined) throw notHere('It is there already');
    judge.demandUnlocked(request, place, judged, { isWhole: false, isMember: true });
    await intoFolder(() => acts.makeFolder(request, place));
    return reply.code(201).send();
  };

  const relocation =
    (how: 'copy' | 'move'): Handler =>
    async (request, reply) => {
      const from = await judge.placeOf(request, 'An area is neither moved nor copied', 403);
      places.demand(request, 'readFiles', from);
      if (how === 'move') places.demand(request, 'writeFiles', from);
      const target = await destinationOf(request);
      const { mayWrite, knownFolders } = acts.demandAdding(request, target);
      const source = files().look(from.disk, from.path);
      if (!isDeep(request) && !(how === 'copy' && request.headers['depth'] === '0')) throw badDepth();
      const judged = await judge.judge(request, from);
      checkTags(request, source);
      const there = judge.lookFor(request, target);
      refuseOneInTheOther(from, target, there);
      const above = { ...target, path: target.path.slice(0, -1) };
      if (knownFolders === undefined && judge.look(above)?.kind !== 'folder') throw noParent();
      if (there !== undefined && (!overwrites(request) || !mayWrite)) throw notHeld();
      if (how === 'move') judge.demandUnlocked(request, from, judged, { isWhole: true, isMember: true });
      const locks = await judge.locksFor(request, target);
      const isMember = there === undefined;
      judge.demandUnlocked(request, target, { locks, known: judged.known }, { isWhole: true, isMember });
      await replacing(request, target, there, source, async (ifMatch) => {
        const isAlone = how === 'copy' && source.kind === 'folder' && request.headers['depth'] === '0';
        if (isAlone) await acts.makeFolder(request, target);
        else await acts.relocate(how, request, from, target, { ifMatch });
      });
      return reply.code(there === undefined ? 201 : 204).send();
    };

  async function destinationOf(request: FastifyRequest): Promise<Place> {
    const { destination } = request.headers;
    if (typeof destination !== 'string') throw badDestination();
    const spot = await spots.spotIn(request, destination);
    if (spot === undefined) {
      throw knotError('KNOT_API_DAV_ELSEWHERE', 502, 'The Destination is on another server.', {
        remedy: 'Fetch it and put it there.',
      });
    }
    if (spot.kind === 'place' && spot.path.length > 0) return spot;
    throw notHere('An area is not replaced', 403);
  }

  /**
   * A file takes the place of a file in one step, if that is still the one that was looked at. What else is there goes to the trash
   * first, and comes back when the act fails.
   */
  async function replacing(
    request: FastifyRequest,
    target: Place,
    there: Entry | undefined,
    source: Entry,
    work: (ifMatch: string[] | undefined) => Promise<void>,
  ): Promise<void> {
    if (there === undefined) return work(undefined);
    if (there.kind === 'file' && source.kind === 'file') return work([there.etag]);
    const { item, endedShares } = await acts.toTrash(request, target);
    try {
      await work(undefined);
    } catch (error) {
      await files().restore(target.disk, item.id, target.path);
      await acts.restoreShares(request, target, endedShares);
      throw error;
    }
  }

  /** Knot keeps no properties of clients; each is refused by its name, and clients go on (RFC 4918 section 9.2.1). */
  const proppatch: Handler = async (request, reply) => {
    const place = await judge.placeOf(request, 'An area has no properties that could be changed', 403);
    places.demand(request, 'writeFiles', place);
    const body = await readXml(request);
    const entry = files().look(place.disk, place.path);
    const judged = await judge.judge(request, place);
    judge.demandUnlocked(request, place, judged, { isWhole: false, isMember: false });
    const named = propertiesIn(body).map(({ uri, local }) => emptyElement(uri, local));
    const refused =
      propstat(named, '403 Forbidden').replace(/<\/D:propstat>$/, '') +
      '<D:error><D:cannot-modify-protected-property/></D:error></D:propstat>';
    const address = escapeXml(addressOfSpot(place, entry.kind === 'folder'));
    const content = `<D:response><D:href>${address}</D:href>${refused}</D:response>`;
    return reply.code(207).type(xmlType).send(documentOf('multistatus', content));
  };

  return {
    PUT: put,
    DELETE: remove,
    MKCOL: mkcol,
    COPY: relocation('copy'),
    MOVE: relocation('move'),
    PROPPATCH: proppatch,
  };
}

/** What goes into a folder that is not there conflicts with it (RFC 4918 section 9.7.1); the API calls it not found. */
async function intoFolder<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof KnotError && error.code === 'KNOT_FILES_NOT_FOUND' ? noParent() : error;
  }
}

const isDeep = ({ headers }: FastifyRequest): boolean =>
  String(headers['depth'] ?? 'infinity').toLowerCase() === 'infinity';

/** RFC 4918 section 10.6: what is there is replaced, unless the client says F. */
function overwrites({ headers }: FastifyRequest): boolean {
  const { overwrite = 'T' } = headers;
  if (overwrite === 'T' || overwrite === 'F') return overwrite === 'T';
  throw knotError('KNOT_API_DAV_CONDITION', 400, 'Overwrite is neither T nor F.');
}

/** The same place, or a folder that would be replaced by something in it, which goes to the trash with it. */
function refuseOneInTheOther(from: Place, target: Place, there: Entry | undefined): void {
  const [source, goal] = [textOfPath(from.path), textOfPath(target.path)];
  if (from.area.key !== target.area.key) return;
  const isSame = source === goal;
  if (!isSame && !isBelow(goal, source) && !(there !== undefined && isBelow(source, goal))) return;
  throw knotError('KNOT_API_DAV_INTO_ITSELF', 403, 'Something cannot take the place of itself, or of what it is in.', {
    remedy: 'Choose another place.',
  });
}

function propertiesIn(body: Element | undefined): Element[] {
  const isUpdate = body?.uri === davNamespace && body.local === 'propertyupdate';
  const named = (isUpdate ? body.children : []).flatMap(({ children }) => children.flatMap((prop) => prop.children));
  if (named.length > 0) return named;
  throw knotError('KNOT_API_DAV_XML', 400, 'The body names no property.', {
    remedy: 'It is a propertyupdate, as RFC 4918 section 9.2 has it.',
  });
}

/** RFC 9110 section 14.5: a part of a file is not a file. */
const partial = () =>
  knotError('KNOT_API_PARTIAL', 400, 'A file is written as a whole here.', {
    remedy: 'Use resumable uploads (tus) at /api/v1/uploads for parts.',
  });
