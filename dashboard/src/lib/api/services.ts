/** Questions about templates, and about what I and my teams run from them. */
import { apiRoot, request, segment } from '#lib/api/request.ts';
import { rememberUndo } from '#lib/api/undo.ts';
import type {
  ChangedServiceShare,
  CreatedServiceShare,
  EndedShare,
  NewServiceShare,
  ReceivedServices,
  ServiceShareList,
  Launched,
  NewService,
  Service,
  ServiceChanged,
  ServiceEvents,
  ServiceForm,
  ServiceList,
  ServiceLogs,
  ServiceMetrics,
  ServiceRevisions,
  Sizes,
  Template,
  TemplateList,
} from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

const at = (id: string, rest = ''): string => `/services/${segment(id)}${rest}`;

export const servicesApi = {
  templates: () => request<TemplateList>('GET', '/templates'),
  template: (id: string) => request<Template>('GET', `/templates/${id.split('/').map(segment).join('/')}`),
  list: (query: { owner?: string | undefined } = {}) => request<ServiceList>('GET', withQuery('/services', query)),
  /** What an owner may choose from, has, and may have. */
  sizes: (query: { owner: string }) => request<Sizes>('GET', withQuery('/sizes', query)),
  of: (id: string) => request<Service>('GET', at(id)),
  /** Why it would not start; nothing is started. */
  check: (wanted: NewService) => request<Launched>('POST', '/services', { ...wanted, dryRun: true }),
  launch: (wanted: NewService) => request<Launched>('POST', '/services', wanted),
  start: (id: string) => request<Service>('POST', at(id, '/start')),
  stop: (id: string) => request<Service>('POST', at(id, '/stop')),
  wake: (id: string) => request<Service>('POST', at(id, '/wake')),
  /**
   * It stays awake for so many hours more, though nobody uses it. `before`: until when it did, to which it can be taken back; null: no
   * longer than it would by itself.
   */
  async extend(id: string, hours: number, before: number | null): Promise<Service> {
    const path = at(id, '/extend');
    const kept = await request<Service>('POST', path, { hours });
    return rememberUndo(kept, { method: 'POST', path, body: { until: before }, topic: 'services' });
  },
  change: (id: string, body: { values: Service['values']; revision?: number | undefined }) =>
    request<Service>('PATCH', at(id), body),
  /** What its values are checked by. */
  form: (id: string) => request<ServiceForm>('GET', at(id, '/form')),
  revisions: (id: string) => request<ServiceRevisions>('GET', at(id, '/revisions')),
  /** `dryRun`: only what it would change. */
  upgrade: (id: string, body: { dryRun?: boolean; drop?: boolean; revision?: number } = {}) =>
    request<ServiceChanged>('POST', at(id, '/upgrade'), body),
  rollBack: (id: string, body: { dryRun?: boolean; to?: number; revision?: number | undefined } = {}) =>
    request<ServiceChanged>('POST', at(id, '/rollback'), body),
  /** Mine and my teams', then those of others that are shared with me. */
  reachable: async (): Promise<ServiceList> => {
    const [own, received] = await Promise.all([
      request<ServiceList>('GET', '/services'),
      request<ReceivedServices>('GET', '/services/shared'),
    ]);
    return { ...own, services: [...own.services, ...received.services.map(({ service }) => service)] };
  },
  shares: (id: string) => request<ServiceShareList>('GET', at(id, '/shares')),
  share: (id: string, wish: NewServiceShare) => request<CreatedServiceShare>('POST', at(id, '/shares'), wish),
  setShareEnd: (id: string, share: string, expiresAt: number | null) =>
    request<ChangedServiceShare>('PATCH', at(id, `/shares/${segment(share)}`), { expiresAt }),
  endShare: (id: string, share: string) => request<EndedShare>('DELETE', at(id, `/shares/${segment(share)}`)),
  remove: (id: string) => request<Service>('DELETE', at(id)),
  metrics: (id: string, query: { from?: number; step?: number }) =>
    request<ServiceMetrics>('GET', withQuery(at(id, '/metrics'), query)),
  events: (id: string) => request<ServiceEvents>('GET', at(id, '/events')),
  logs: (id: string, query: { before?: number; limit?: number; q?: string } = {}) =>
    request<ServiceLogs>('GET', withQuery(at(id, '/logs'), query)),
  /** Of all it said, to be saved. */
  logsAddress: (id: string) => `${apiRoot}${at(id, '/logs.txt')}`,
};
