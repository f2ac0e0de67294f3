import type { FastifyRequest } from 'fastify';
import { knotError } from '../../lib/index.ts';
import type { ProjectImages, Registry } from '../../integrations/index.ts';
import { namespaceResource, type Owner } from '../../owners/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { CliSecretRequestSchema, CliSecretSchema, type Image, ImageListSchema, ImageQuerySchema } from '../contract.ts';
import { noteDone } from '../note-done.ts';
import { answers, describe } from './describe.ts';
import { findOwner, noOwner } from './plans.ts';

const tag = 'Images';
/** What was seen a moment ago is shown again: a page that is loaded anew asks for all of it. */
const keptMs = 5_000;
const mostKept = 500;

type OwnerName = Pick<Owner, 'kind' | 'name'>;

/** What people and teams have in the registry of images, and the secret that programs of a person sign in to it with. */
export function imageRoutes(
  app: ApiServer,
  context: Needs<'integrations' | 'owners' | 'decide' | 'audit' | 'actorOf' | 'clock'>,
): void {
  const { integrations, owners, decide, clock } = context;
  const kept = new Map<string, { at: number; images: Promise<ProjectImages> }>();

  app.get(
    '/images',
    describe(
      'person',
      tag,
      'Images in the registry: my own and those of my teams, or of one owner whose things I may see',
      { querystring: ImageQuerySchema, response: answers(200, ImageListSchema) },
      'account',
    ),
    async (request) => {
      const found = registry();
      const seen = await ownersSeen(request, request.query.owner);
      const listed = await Promise.all(seen.map(async (owner) => ({ owner, ...(await imagesOf(found, owner.name)) })));
      const images = listed.flatMap(({ owner, images, projectId }) =>
        images.map(({ name, kind, tags, versions, size, pushedAt }): Image => {
          const newest = tags[0];
          const place = `${found.host}/${name}`;
          const pull =
            kind === 'chart'
              ? `helm pull oci://${place}${newest === undefined ? '' : ` --version ${newest.replaceAll('_', '+')}`}`
              : `docker pull ${place}${newest === undefined ? '' : `:${newest}`}`;
          return { owner, name, kind, tags, versions, size, pushedAt, pull, url: found.pageOf(projectId!) };
        }),
      );
      return {
        registry: found.host,
        images: images.toSorted((one, other) => (other.pushedAt ?? 0) - (one.pushedAt ?? 0)),
        isWhole: listed.every(({ isWhole }) => isWhole),
        usage: listed.map(({ owner, used, limit }) => ({ owner, used, limit })),
      };
    },
  );

  app.post(
    '/images/cli-secret',
    describe(
      'person',
      tag,
      'The secret that my programs sign in to the registry with; `rotate` makes another one',
      { body: CliSecretRequestSchema, response: answers(200, CliSecretSchema) },
      // As with tokens: no personal token gives this away.
      'tokens',
    ),
    async (request) => {
      const found = registry();
      const { id, username } = identityOf(request).principal;
      const rotate = request.body.rotate === true;
      const secret = await found.cliSecretOf({ id, username }, { rotate });
      const action = rotate ? 'images.secret.rotated' : 'images.secret.shown';
      await noteDone(context, request, { action, subject: `user:${username}` });
      return { registry: found.host, username, secret, login: `docker login ${found.host} --username ${username}` };
    },
  );

  /** @throws KNOT_API_NO_IMAGES */
  function registry(): Registry {
    const found = integrations().find((tool) => tool.registry !== undefined)?.registry;
    if (found) return found;
    throw noImages();
  }

  /** Nobody learns of an owner whose things they may not see. @throws KNOT_API_NO_OWNER */
  async function ownersSeen(request: FastifyRequest, name: string | undefined): Promise<OwnerName[]> {
    const { principal } = identityOf(request);
    const maySee = (owner: Owner): boolean =>
      decide(request, { principal, action: 'see', resource: namespaceResource(owner) }).effect === 'allow';
    const asked = name === undefined ? await owners.of(principal) : [await findOwner(owners, name)];
    const seen = asked.filter(maySee).map(({ kind, name }) => ({ kind, name }));
    if (name === undefined || seen.length > 0) return seen;
    throw noOwner();
  }

  /** One question at a time for each project, also while the registry is slow. */
  function imagesOf(found: Registry, project: string): Promise<ProjectImages> {
    const now = clock.now();
    for (const [name, { at }] of kept) if (now - at > keptMs) kept.delete(name);
    const known = kept.get(project);
    if (known) return known.images;
    const images = found.imagesOf(project);
    images.catch(() => undefined);
    if (kept.size < mostKept) kept.set(project, { at: now, images });
    return images;
  }
}

export const noImages = () =>
  knotError('KNOT_API_NO_IMAGES', 404, 'This Knot has no registry of images.', {
    remedy: 'An operator can add one: integrations.harbor in knot.yaml.',
  });
