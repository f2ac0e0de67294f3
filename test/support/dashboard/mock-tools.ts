import type { FastifyInstance } from 'fastify';
import type {
  CliSecret,
  DockerLogin,
  ImageList,
  OwnPlace,
  Usage,
  WorkflowInList,
  WorkflowList,
} from '../../../gateway/api/contract.ts';

/** What somebody has in tools: enough of each state to look at. */
export const sampleTools = (
  now: number,
): { workflows: WorkflowList; images: ImageList; login: DockerLogin; usage: Usage } => {
  const minute = 60_000;
  const workflow = (name: string, rest: Partial<WorkflowInList>): WorkflowInList => ({
    ...{ name, namespace: 'knot-ann', owner: { kind: 'user', name: 'ann' }, state: 'Running' },
    ...{ isSuspended: false, isStopping: false, createdAt: now - 5 * minute, startedAt: now - 4 * minute },
    ...{ url: `https://argo.localhost/workflows/knot-ann/${name}`, acts: ['stop'] },
    ...rest,
  });
  const over = { finishedAt: now - minute, acts: ['resubmit' as const] };
  const image = { owner: { kind: 'user' as const, name: 'ann' }, versions: 3, pushedAt: now - 90 * minute };
  const day = (number: number) => ({
    day: `2026-11-${String(number).padStart(2, '0')}`,
    cpuHours: number % 7 < 5 ? number * 0.8 : 0,
    memoryGibHours: number * 3,
    cost: number * 0.11,
  });
  return {
    workflows: {
      workflows: [
        workflow('align-reads-of-a-very-long-name-that-wraps-x7k2p', { progress: { done: 3, all: 12 } }),
        workflow('train-f9q1z', { state: 'Succeeded', progress: { done: 4, all: 4 }, ...over }),
        workflow('train-b2m8c', { state: 'Failed', message: "child 'train-b2m8c-step' failed", ...over }),
        workflow('nightly', { isSuspended: true }),
      ],
      url: 'https://argo.localhost/workflows/knot-ann',
    },
    images: {
      registry: 'harbor.localhost',
      images: [
        {
          ...image,
          ...{ name: 'ann/aligner', kind: 'image', tags: ['2.1', 'latest'], size: 734_003_200 },
          ...{ pull: 'docker pull harbor.localhost/ann/aligner:2.1', url: 'https://harbor.localhost/ann/aligner' },
        },
        {
          ...image,
          ...{ name: 'ann/charts/pipeline', kind: 'chart', tags: ['0.3.0'], size: 20_480 },
          pull: 'helm pull oci://harbor.localhost/ann/charts/pipeline --version 0.3.0',
          url: 'https://harbor.localhost/ann/charts',
        },
      ],
      isWhole: true,
      usage: [{ owner: { kind: 'user', name: 'ann' }, used: 734_023_680, limit: 10_737_418_240 }],
    },
    login: { registry: 'harbor.localhost', path: '/files/private/.docker/config.json', state: 'absent' },
    usage: {
      owner: { kind: 'user', name: 'ann', title: 'ann' },
      month: '2026-11',
      now: { cpu: 1.4, memory: 5_368_709_120, storage: 48_318_382_080, services: 3 },
      limits: { cpu: 4, memory: 17_179_869_184, storage: 53_687_091_200 },
      plan: { name: 'standard', title: 'Standard' },
      measuredBy: 'prometheus',
      days: Array.from({ length: 30 }, (_, index) => day(index + 1)),
      services: [
        { id: 's-1', name: 'notebook', cpuHours: 120.4, memoryGibHours: 900, cost: 14.2 },
        { cpuHours: 30, memoryGibHours: 80, cost: 3.1 },
      ],
      total: { cpuHours: 150.4, memoryGibHours: 980, cost: 17.3 },
      prices: { currency: 'EUR', cpuHour: 0.1, memoryGibHour: 0.002 },
    },
  };
};

const secret = (number: number): CliSecret => ({
  registry: 'harbor.localhost',
  username: 'ann',
  secret: `Secret-of-ann-${number}`,
  login: 'docker login harbor.localhost -u ann',
});

/** A place that is as it shall be, in which one thing that was made by hand is reached and another one is not. */
const placeOf = (kind: 'user' | 'team', name: string): OwnPlace => ({
  place: { kind, id: `p-${name}`, name, namespace: `knot-${name}`, state: 'ready', since: 0, overrides: [], steps: [] },
  addresses: [
    {
      ...{ id: 'a-1', owner: { kind, name }, object: 'Ingress web', host: 'wiki.example.org', since: 0 },
      ...{ state: 'refused', reason: 'Another application has this host.', canView: false, canOpen: false },
    },
    {
      ...{ id: 'a-2', owner: { kind, name }, object: 'Ingress open', host: 'open.example.org', since: 0 },
      ...{ state: 'open', url: 'https://open.example.org/', canView: true, canOpen: true },
    },
  ],
});

/** The API of tools, answered from memory. */
export function toolRoutes(api: FastifyInstance): void {
  const tools = sampleTools(Date.now());
  let secrets = 1;
  api.get('/workflows', () => tools.workflows);
  api.post<{ Params: { name: string; act: string } }>('/workflows/:name/:act', (request) => {
    const workflow = tools.workflows.workflows.find(({ name }) => name === request.params.name)!;
    if (request.params.act === 'stop') Object.assign(workflow, { isStopping: true, acts: [] });
    return workflow;
  });
  api.get('/images', () => tools.images);
  api.post<{ Body: { rotate?: boolean } }>('/images/cli-secret', ({ body }) =>
    secret(body.rotate ? ++secrets : secrets),
  );
  const login = (state: DockerLogin['state']) => (tools.login = { ...tools.login, state });
  api.get('/images/docker-login', () => tools.login);
  api.put('/images/docker-login', () => login('written'));
  api.delete('/images/docker-login', () => login('absent'));
  api.get('/metrics/usage', () => tools.usage);
  api.get<{ Params: { kind: 'user' | 'team'; name: string } }>('/provisioning/:kind/:name', ({ params }) =>
    placeOf(params.kind, params.name),
  );
}
