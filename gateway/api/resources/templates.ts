import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUsable, runsBy, type Template as CatalogueTemplate, templateId } from '../../catalogue/index.ts';
import { knotError } from '../../lib/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import {
  OwnTemplateParamsSchema,
  type Template,
  TemplateListSchema,
  TemplateParamsSchema,
  TemplateSchema,
  type TemplateSummary,
} from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Services';

/** What can be launched: templates of administrators for everybody, those of a person or a team for whom their files are. */
export function templateRoutes(
  app: ApiServer,
  { catalogue, services, sizes, config: { engine } }: Needs<'catalogue' | 'services' | 'sizes' | 'config'>,
): void {
  app.get(
    '/templates',
    describe('person', tag, 'What can be launched', { response: answers(200, TemplateListSchema) }, 'services'),
    async (request) => {
      const templates = await catalogue.list(identityOf(request).principal);
      return { templates: await Promise.all(templates.map((template) => summaryOf(request, template))) };
    },
  );

  async function find(request: FastifyRequest, id: string): Promise<CatalogueTemplate> {
    const template = await catalogue.find(id, identityOf(request).principal);
    if (template === undefined) throw knotError('KNOT_API_NO_TEMPLATE', 404, 'There is no such template.');
    return template;
  }

  async function summaryOf(request: FastifyRequest, template: CatalogueTemplate): Promise<TemplateSummary> {
    const {
      name,
      origin,
      version,
      versions,
      folder,
      title,
      description,
      categories,
      icon,
      problems,
      process: plan,
    } = template;
    const id = templateId(template);
    const isSound = isUsable(template);
    const canRun = isSound && runsBy(engine, template);
    return {
      ...{ id, name, origin: origin.kind, version, title, description },
      ...('owner' in origin && { owner: origin.owner, ...(origin.isFromRegistry && { source: folder.path }) }),
      ...(versions !== undefined && { versions: [...versions] }),
      categories: [...categories],
      ...(icon !== undefined && { icon: iconAddress(id, icon.digest) }),
      isUsable: canRun,
      needsKubernetes: isSound && !canRun && engine === 'process',
      needsMachine: isSound && !canRun && engine === 'kubernetes',
      missing: canRun && plan && services ? await services.missing(plan, identityOf(request).principal) : [],
      problems: [...problems],
    };
  }

  async function answer(request: FastifyRequest, id: string): Promise<Template> {
    const template = await find(request, id);
    const { readme, schema, schemaSource, values } = template;
    const summary = await summaryOf(request, template);
    // A version that was chosen is what is launched.
    return { ...summary, id, ...(readme !== undefined && { readme }), schema, schemaSource, values, sizes: [...sizes] };
  }

  async function picture(request: FastifyRequest, reply: FastifyReply, id: string): Promise<FastifyReply> {
    const { icon } = await find(request, id);
    if (icon === undefined) throw knotError('KNOT_API_NO_TEMPLATE', 404, 'The template has no picture.');
    return reply.headers(pictureHeaders).send(icon.text);
  }

  const one = { response: answers(200, TemplateSchema) };
  const summary = 'One template with its form';
  app.get(
    '/templates/:name',
    describe('person', tag, summary, { params: TemplateParamsSchema, ...one }, 'services'),
    (request) => answer(request, request.params.name),
  );
  app.get(
    '/templates/:origin/:name',
    describe(
      'person',
      tag,
      `${summary}, of a team or a person`,
      { params: OwnTemplateParamsSchema, ...one },
      'services',
    ),
    (request) => answer(request, `${request.params.origin}/${request.params.name}`),
  );
  app.get(
    '/template-pictures/:name',
    describe('person', tag, 'The picture of a template', { params: TemplateParamsSchema }, 'services'),
    (request, reply) => picture(request, reply, request.params.name),
  );
  app.get(
    '/template-pictures/:origin/:name',
    describe(
      'person',
      tag,
      'The picture of a template of a team or a person',
      { params: OwnTemplateParamsSchema },
      'services',
    ),
    (request, reply) => picture(request, reply, `${request.params.origin}/${request.params.name}`),
  );
}

/** It changes with the picture, which is why it may be kept. */
function iconAddress(id: string, digest: string): string {
  const path = id.split('/').map(encodeURIComponent).join('/');
  return `/api/v1/template-pictures/${path}?v=${digest}`;
}

/**
 * A picture is written by whoever wrote the template. An `img` element draws it without scripts (SVG Integration, secure static mode);
 * opened by its address it is a document, which the sandbox keeps from scripts and from our origin (Content Security Policy Level 3).
 */
const pictureHeaders = {
  'content-type': 'image/svg+xml; charset=utf-8',
  'content-security-policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'content-disposition': 'inline; filename="icon.svg"',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'private, max-age=3600',
};
