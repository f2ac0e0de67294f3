import type { Integration } from '../../integrations/index.ts';
import { type ComponentHealth, knotError } from '../../lib/index.ts';
import type { Needs, ApiServer } from '../context.ts';
import { HealthSchema, IntegrationDetailSchema, IntegrationNameParamsSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Health';
const worstFirst = ['failed', 'warning', 'working', 'ok'] as const;

export function healthRoutes(app: ApiServer, { health, integrations }: Needs<'health' | 'integrations'>): void {
  app.get(
    '/health',
    describe('admin', tag, 'The state of every part', { response: answers(200, HealthSchema) }),
    async () => {
      const components = await health();
      return { status: worstOf(components), components };
    },
  );

  app.get(
    '/integrations/:name',
    describe('admin', tag, 'A tool: its state and what to paste into its own configuration', {
      params: IntegrationNameParamsSchema,
      response: answers(200, IntegrationDetailSchema),
    }),
    async ({ params: { name } }) => {
      const tool = integrations().find((one) => one.name === name);
      if (!tool) throw knotError('KNOT_API_NO_INTEGRATION', 404, 'There is no such integration, or it is off.');
      const { title, url } = tool;
      return {
        name,
        title,
        url,
        status: tool.tile(),
        health: tool.health(),
        settings: tool.isManaged ? '' : withoutSecret(tool),
      };
    },
  );
}

function worstOf(components: readonly ComponentHealth[]): ComponentHealth['status'] {
  return worstFirst.find((status) => components.some((component) => component.status === status)) ?? 'ok';
}

/** What is shown in a browser never holds a secret; the command line, which can read the data folder anyway, prints it. */
function withoutSecret(tool: Integration): string {
  const text = tool.settings();
  const secret = tool.client?.secret ?? '';
  return secret === '' ? text : text.replaceAll(secret, `<printed by: knot integrations show ${tool.name}>`);
}
