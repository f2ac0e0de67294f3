import type { FastifyRequest } from 'fastify';
import { addressOfPath, areaOfKey, pathOfAddress, pathOfText, textOfPath } from '../../files/index.ts';
import { KnotError, knotError, type Principal } from '../../lib/index.ts';
import type { Area } from '../../owners/index.ts';
import { noSuchShare, type Share as OwnShare, type ShareUse } from '../../shares/index.ts';
import { createAreaQuestions } from '../areas.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import {
  ChangedShareSchema,
  CreatedShareSchema,
  EndedShareSchema,
  IdParamsSchema,
  NewShareSchema,
  OneShareSchema,
  type Share,
  ShareChangeSchema,
  ShareListSchema,
  ShareQuerySchema,
  ShareUndoSchema,
} from '../contract.ts';
import { createParties } from '../parties.ts';
import { linkWith, shareFacts, undoOfEnd, usesOfOne } from '../share-answers.ts';
import { answers, describe } from './describe.ts';

const tag = 'Shares';

/** Whom people and the managers of teams let into their files. */
export function shareRoutes(
  app: ApiServer,
  context: Needs<'shares' | 'owners' | 'accounts' | 'files' | 'publicAddress' | 'actorOf' | 'decide' | 'demand'>,
): void {
  const { shares, owners, accounts, files, actorOf } = context;
  const { decideArea, demandArea } = createAreaQuestions(context);
  const partyOf = createParties(context);

  app.get(
    '/shares',
    describe(
      'person',
      tag,
      'What I share and what is shared with me',
      { querystring: ShareQuerySchema, response: answers(200, ShareListSchema) },
      'shares',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const { area: wanted, address } = request.query;
      const path = address === undefined ? undefined : textOfPath(pathOfAddress(address));
      const isWanted = (area: Area, share: OwnShare) =>
        (wanted === undefined || area.name === wanted) && (path === undefined || share.thing.path === path);
      const given: { share: OwnShare; area: Area }[] = [];
      for (const area of await owners.areasOf(principal)) {
        if (!area.owner || decideArea(request, { principal, action: 'share', area, path: '' }).effect !== 'allow')
          continue;
        for (const share of shares.of({ kind: 'files', id: area.key }))
          if (isWanted(area, share)) given.push({ share, area });
      }
      const uses = await shares.usesOf(given.map(({ share }) => share));
      const received = await Promise.all(
        shares.givenTo(principal).map(async (share) => {
          const area = await areaOf(share, principal);
          return area && isWanted(area, share) ? toShare(share, area, []) : undefined;
        }),
      );
      return {
        given: given.map(({ share, area }) => toShare(share, area, uses.get(share.id) ?? [])),
        received: received.filter((share) => share !== undefined),
      };
    },
  );

  app.post(
    '/shares',
    describe(
      'person',
      tag,
      'Share a folder or file with a person, a team, or whoever holds a link',
      {
        body: NewShareSchema,
        response: answers(201, CreatedShareSchema),
      },
      'shares',
    ),
    async (request, reply) => {
      const { principal } = identityOf(request);
      const { area: name, with: whom, right, days, bindsBrowser } = request.body;
      const path = canonical(request.body.path ?? '');
      const area = await owners.area(name, principal);
      if (!area?.owner) throw noSuchArea();
      demandArea(request, { principal, action: 'share', area, path });
      const party = await partyOf(whom);
      demandThing(area, path, right);
      const { kind, id } = area.owner;
      const made = await shares.create(
        {
          thing: { kind: 'files', id: area.key, path },
          owner: { kind, id },
          party,
          right,
          days,
          bindsBrowser,
        },
        by(request),
      );
      return reply.code(201).send({ share: toShare(made.share, area, []), ...linkWith(context, made.secret) });
    },
  );

  app.patch(
    '/shares/:id',
    describe(
      'person',
      tag,
      'Let a share end at another time',
      { params: IdParamsSchema, body: ShareChangeSchema, response: answers(200, ChangedShareSchema) },
      'shares',
    ),
    async (request) => {
      const { share, area, isOwn } = await shareFor(request, shares.find(request.params.id));
      if (!isOwn) throw noSuchShare();
      const changed = await shares.setEnd(share.id, request.body.expiresAt, by(request));
      return { share: await shown(changed, area), undo: { expiresAt: share.expiresAt } };
    },
  );

  app.delete(
    '/shares/:id',
    describe(
      'person',
      tag,
      'End a share; what is open by it ends within two seconds. Only a link cannot come back',
      {
        params: IdParamsSchema,
        response: answers(200, EndedShareSchema),
      },
      'shares',
    ),
    async (request) => {
      const { share } = await shareFor(request, shares.find(request.params.id));
      await shares.revoke(share.id, by(request));
      return undoOfEnd(share);
    },
  );

  app.put(
    '/shares/:id',
    describe(
      'person',
      tag,
      'Take the end of a share back, with all that was noted about it',
      { params: IdParamsSchema, body: ShareUndoSchema, response: answers(200, OneShareSchema) },
      'shares',
    ),
    async (request) => {
      const revoked = await shares.findRevoked(request.params.id);
      const { share, area, isOwn } = await shareFor(request, revoked?.share);
      // Who gave it back may take it again; whom it was taken from may not.
      if (!isOwn && revoked?.by !== identityOf(request).principal.username) throw noSuchShare();
      return { share: await shown(await shares.restore(share.id, by(request)), area, isOwn) };
    },
  );

  /** The share that a request is about, for who may share that thing or has it; to everybody else there is none. */
  async function shareFor(request: FastifyRequest, share: OwnShare | undefined) {
    const { principal } = identityOf(request);
    const area = share && (await areaOf(share, principal));
    if (!share || !area) throw noSuchShare();
    const isOwn = decideArea(request, { principal, action: 'share', area, path: share.thing.path }).effect === 'allow';
    const isMine = share.party.kind === 'user' && share.party.id === principal.id;
    if (!isOwn && !isMine) throw noSuchShare();
    return { share, area, isOwn };
  }

  /** @throws KNOT_FILES_NOT_FOUND, KNOT_SHARES_RIGHT */
  function demandThing({ key }: Area, path: string, right: string): void {
    const disk = areaOfKey(key);
    if (files === undefined || disk === undefined || !isPath(path)) return;
    const { kind } = files.look(disk, pathOfText(path));
    const message =
      kind !== 'file' && kind !== 'folder'
        ? 'A link, pipe or device cannot be shared.'
        : kind === 'file' && right === 'upload'
          ? 'Files are handed into a folder, not into a file.'
          : undefined;
    if (message === undefined) return;
    throw knotError('KNOT_API_NOT_SHARED', 400, message, { details: { problems: [{ field: 'right', message }] } });
  }

  const shown = async (share: OwnShare, area: Area, isOwn = true): Promise<Share> =>
    toShare(share, area, isOwn ? await usesOfOne(context, share) : []);

  function kindOf(share: OwnShare): Share['kind'] {
    const { thing } = share;
    const disk = areaOfKey(thing.id);
    if (files === undefined || disk === undefined) return 'folder';
    try {
      const { kind } = files.look(disk, pathOfText(thing.path));
      return (kind === 'file' || kind === 'folder') && shares.isThere(share) ? kind : 'gone';
    } catch (error) {
      if (error instanceof KnotError) return 'gone';
      throw error;
    }
  }

  function toShare(share: OwnShare, area: Area, uses: readonly ShareUse[]): Share {
    const { thing, right, owner } = share;
    return {
      ...shareFacts(share, uses),
      area: area.name,
      path: thing.path,
      address: addressOfPath(pathOfText(thing.path)),
      kind: kindOf(share),
      owner: { kind: owner.kind, name: area.owner?.name ?? '', title: area.owner?.title ?? area.title },
      right,
    };
  }

  /** The area of a share as somebody names it; undefined when its owner is gone. */
  async function areaOf({ thing, owner }: OwnShare, principal: Principal): Promise<Area | undefined> {
    if (thing.kind !== 'files') return undefined;
    if (owner.kind === 'team') {
      const team = await accounts.findTeam(owner.id);
      return team && owners.area(`team:${team.name}`, principal);
    }
    const user = await accounts.findUser(owner.id);
    return user && owners.area(`user:${user.username}`, principal);
  }

  function by(request: FastifyRequest) {
    const { name: actor, address } = actorOf(request);
    return { actor, address };
  }
}

const noSuchArea = () => knotError('KNOT_API_NO_AREA', 404, 'There is no such area that could be shared.');

/** A name has several spellings in addresses (`addressOf` of files), and shares are compared by one. */
const canonical = (path: string): string => (isPath(path) ? textOfPath(pathOfText(path)) : path);

/** What is none is refused by the module of shares, with its field. */
function isPath(path: string): boolean {
  return (
    path === '' || path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
  );
}
