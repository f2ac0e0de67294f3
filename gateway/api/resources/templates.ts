import { isUsable, type Template as CatalogueTemplate, templateId } from '../../catalogue/index.ts';
import { knotError } from '../../lib/index.ts';
import type { ApiServer, Needs } from '../context.ts';
import { TemplateListSchema, TemplateParamsSchema, TemplateSchema, type TemplateSummary } from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Services';

/** What can be launched. */
export function templateRoutes(app: ApiServer, { catalogue }: Needs<'catalogue'>): void {
  app.get(
    '/templates',
    describe('person', tag, 'What can be launched', { response: answers(200, TemplateListSchema) }, 'services'),
    async () => ({ templates: (await catalogue.list()).map(toSummary) }),
  );

  app.get(
    '/templates/:id',
    describe(
      'person',
      tag,
      'One template with its form',
      { params: TemplateParamsSchema, response: answers(200, TemplateSchema) },
      'services',
    ),
    async (request) => {
      const template = await catalogue.find(request.params.id);
      if (template === undefined) throw knotError('KNOT_API_NO_TEMPLATE', 404, 'There is no such template.');
      const { readme, schema, schemaSource, values } = template;
      return { ...toSummary(template), ...(readme !== undefined && { readme }), schema, schemaSource, values };
    },
  );
}

function toSummary(template: CatalogueTemplate): TemplateSummary {
  const { name, origin, version, title, description, categories, icon, problems } = template;
  return {
    ...{ id: templateId(template), name, origin: origin.kind, version, title, description },
    categories: [...categories],
    ...(icon !== undefined && { icon }),
    isUsable: template.process !== undefined && isUsable(template),
    problems: [...problems],
  };
}
