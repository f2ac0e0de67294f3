import type { FastifyRequest } from 'fastify';
import { knotError, type Principal } from '../../lib/index.ts';
import type { Area } from '../../owners/index.ts';
import type { Share as OwnShare, ShareParty, ShareUse } from '../../shares/index.ts';
import { createAreaQuestions } from '../areas.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { CreatedShareSchema, IdParamsSchema, NewShareSchema, type Share, ShareListSchema } from '../contract.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Shares';

/** Whom people and the managers of teams let into their files. */
export function shareRoutes(
  app: ApiServer,
  context: Needs<'shares' | 'owners' | 'accounts' | 'actorOf' | 'decide' | 'demand'>,
): void {
  const { shares, owners, accounts, actorOf } = context;
  const { decideArea, demandArea } = createAreaQuestions(context);

  app.get(
    '/shares',
    describe(
      'person',
      tag,
      'What I share and what is shared with me',
      { response: answers(200, ShareListSchema) },
      'shares',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const given: { share: OwnShare; area: Area }[] = [];
      for (const area of await owners.areasOf(principal)) {
        if (!area.owner || decideArea(request, { principal, action: 'share', area, path: '' }).effect !== 'allow')
          continue;
        for (const share of shares.givenBy(area.owner.id)) if (share.thing.id === area.key) given.push({ share, area });
      }
      const uses = await shares.usesOf(given.map(({ share }) => share));
      const received = await Promise.all(
        shares.givenTo(principal).map(async (share) => {
          const area = await areaOf(share, principal);
          return area && toShare(share, area.name, []);
        }),
      );
      return {
        given: given.map(({ share, area }) => toShare(share, area.name, uses.get(share.id) ?? [])),
        received: received.filter((share) => share !== undefined),
      };
    },
  );

  app.post(
    '/shares',
    describe(
      'person',
      tag,
      'Share a folder or file with a person or a team',
      {
        body: NewShareSchema,
        response: answers(201, CreatedShareSchema),
      },
      'shares',
    ),
    async (request, reply) => {
      const { principal } = identityOf(request);
      const { area: name, path = '', with: whom, right, days } = request.body;
      const area = await owners.area(name, principal);
      if (!area?.owner) throw noSuchArea();
      demandArea(request, { principal, action: 'share', area, path });
      const party = await partyOf(whom);
      const { kind, id } = area.owner;
      const { share } = await shares.create(
        {
          thing: { kind: 'files', id: area.key, path },
          owner: { kind, id },
          party,
          right,
          days,
        },
        by(request),
      );
      return reply.code(201).send({ share: toShare(share, area.name, []) });
    },
  );

  app.delete(
    '/shares/:id',
    describe(
      'person',
      tag,
      'End a share; what is open by it ends within two seconds',
      {
        params: IdParamsSchema,
        response: nothing,
      },
      'shares',
    ),
    async (request, reply) => {
      const { principal } = identityOf(request);
      const share = shares.find(request.params.id);
      const area = share && (await areaOf(share, principal));
      // Whoever it is nothing to is told that there is none.
      if (!share || !area) throw noSuchShare();
      const isOwn =
        decideArea(request, { principal, action: 'share', area, path: share.thing.path }).effect === 'allow';
      const isMine = share.party.kind === 'user' && share.party.id === principal.id;
      if (!isOwn && !isMine) throw noSuchShare();
      await shares.revoke(share.id, by(request));
      return reply.code(204).send(null);
    },
  );

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

  async function partyOf(whom: string): Promise<ShareParty> {
    const [, kind, name = ''] = /^(user|team):(.*)$/.exec(whom) ?? [];
    const owner = kind === undefined ? undefined : await owners.find(name);
    if (owner && owner.kind === kind) return { kind: owner.kind, id: owner.id, name: owner.name };
    // A link for guests leads nowhere as long as there is no page that opens it.
    const message = whom === 'guest' ? 'Guests cannot be let in yet.' : 'There is no such person or team.';
    throw knotError('KNOT_API_NO_PARTY', 400, message, {
      remedy: 'Write user:NAME or team:NAME.',
      details: { problems: [{ field: 'with', message }] },
    });
  }

  function by(request: FastifyRequest) {
    const { name: actor, address } = actorOf(request);
    return { actor, address };
  }
}

const noSuchArea = () => knotError('KNOT_API_NO_AREA', 404, 'There is no such area that could be shared.');
const noSuchShare = () => knotError('KNOT_SHARES_NONE', 404, 'There is no such share.');

function toShare(share: OwnShare, area: string, uses: readonly ShareUse[]): Share {
  const { id, thing, party, right, createdBy, createdAt, expiresAt, bindsBrowser } = share;
  const whom = party.kind === 'guest' ? 'guest' : `${party.kind}:${party.name}`;
  return {
    id,
    area,
    path: thing.path,
    with: whom,
    right,
    createdBy,
    createdAt,
    expiresAt,
    bindsBrowser,
    uses: [...uses],
  };
}
