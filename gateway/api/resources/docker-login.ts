import type { FastifyRequest } from 'fastify';
import type { Principal } from '../../lib/index.ts';
import { areaResource } from '../../owners/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { DockerLoginSchema } from '../contract.ts';
import { noteDone } from '../note-done.ts';
import type { DockerLogins } from '../options.ts';
import { answers, describe } from './describe.ts';
import { noImages } from './images.ts';

const tag = 'Images';
/** As with tokens: no personal token puts a secret anywhere. */
const scope = 'tokens';

/** The login of somebody's pull robot, written among their files when they ask for it, and taken out again. */
export function dockerLoginRoutes(
  app: ApiServer,
  context: Needs<'dockerLogins' | 'owners' | 'demand' | 'audit' | 'actorOf'>,
): void {
  const { dockerLogins, owners, demand } = context;
  const path = '/images/docker-login';
  const response = answers(200, DockerLoginSchema);

  app.get(
    path,
    describe('person', tag, 'Whether docker fetches my images without a sign-in', { response }, 'account'),
    async (request) => known().look(await whose(request, 'readFiles')),
  );
  app.put(
    path,
    describe('person', tag, 'Let docker fetch my images: writes a login into my files', { response }, scope),
    async (request) => {
      const person = await whose(request, 'writeFiles');
      const done = await known().write(person);
      await noteDone(context, request, { action: 'images.login.written', subject: `user:${person.username}` });
      return done;
    },
  );
  app.delete(
    path,
    describe('person', tag, 'Take that login out of my files again', { response }, scope),
    async (request) => {
      const person = await whose(request, 'writeFiles');
      const done = await known().remove(person);
      await noteDone(context, request, { action: 'images.login.removed', subject: `user:${person.username}` });
      return done;
    },
  );

  function known(): DockerLogins {
    if (dockerLogins) return dockerLogins;
    throw noImages();
  }

  /** @throws KNOT_API_DENIED */
  async function whose(request: FastifyRequest, action: 'readFiles' | 'writeFiles'): Promise<Principal> {
    const { principal } = identityOf(request);
    const area = (await owners.areasOf(principal)).find(({ kind }) => kind === 'private');
    const deed = action === 'readFiles' ? 'read your files' : 'change your files';
    demand(request, { principal, action, resource: areaResource(area!) }, deed);
    return principal;
  }
}
