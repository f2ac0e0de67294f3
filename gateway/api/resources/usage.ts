import { type Amounts, monthOf, namespaceOf, platform } from '../../lib/index.ts';
import { namespaceResource, type Owner } from '../../owners/index.ts';
import type { MonthOfUse } from '../../metrics/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { type Usage, UsageQuerySchema, UsageSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';
import { demandMetrics } from './metrics.ts';
import { findOwner } from './plans.ts';

const gib = 2 ** 30;

/** What somebody used, against what is theirs to use. */
export function usageRoutes(
  app: ApiServer,
  context: Needs<'metrics' | 'owners' | 'plans' | 'files' | 'services' | 'decide' | 'demand' | 'config' | 'clock'>,
): void {
  const { metrics, owners, plans, files, services, decide, demand, config, clock } = context;

  app.get(
    '/metrics/usage',
    describe(
      'person',
      'Metrics',
      'What a person or team used in a month, by day and by service, against their plan, and what it costs',
      { querystring: UsageQuerySchema, response: answers(200, UsageSchema) },
      'metrics',
    ),
    async (request): Promise<Usage> => {
      const { principal } = identityOf(request);
      const { owner: name = principal.username, month = monthOf(clock.now()) } = request.query;
      const owner = await findOwner(owners, name);
      const question = { principal, action: 'readMetrics' as const };
      if (decide(request, { ...question, resource: platform }).effect !== 'allow')
        demand(request, { ...question, resource: namespaceResource(owner) }, `see what ${owner.name} uses`);
      const [used, { plan }, held, bytes] = await Promise.all([
        usageOf(owner, month),
        plans.of(owner),
        services?.held(),
        storageOf(owner),
      ]);
      const { cpu, memory, storage, services: count } = plan ?? {};
      const prices = config.metrics?.prices;
      const priced = <A extends Amounts>(amounts: A) => ({
        ...amounts,
        ...(prices && { cost: costOf(amounts, prices) }),
      });
      const perGib = prices?.storageGibMonth;
      return {
        owner: { kind: owner.kind, name: owner.name, title: owner.title },
        month,
        now: { ...used.now, storage: bytes, services: held?.get(owner.id)?.services ?? 0 },
        limits: {
          ...(cpu !== undefined && { cpu }),
          ...(memory !== undefined && { memory }),
          ...(storage !== undefined && { storage }),
          ...(count !== undefined && { services: count }),
        },
        ...{ measuredBy: used.measuredBy, ...(used.since !== undefined && { since: used.since }) },
        ...(plan && { plan: { name: plan.name, title: plan.title } }),
        days: used.days.map(priced),
        services: await Promise.all(
          used.services.map(async (one) => priced({ ...one, ...(await nameOf(one.id, owner)) })),
        ),
        total: priced(used.total),
        ...(prices && { prices }),
        ...(perGib !== undefined && { storageCost: (bytes / gib) * perGib * used.elapsed }),
      };
    },
  );

  /** By Prometheus where there is one; else what the samples of services say, which know no notebooks. */
  async function usageOf(owner: Owner, month: string): Promise<MonthOfUse & Pick<Usage, 'measuredBy' | 'since'>> {
    if (metrics === undefined && services !== undefined)
      return { ...(await services.usedBy(owner, month)), measuredBy: 'services' };
    const used = await demandMetrics(context).usageOf(namespaceOf(config.kubernetes, owner), month);
    return { ...used, measuredBy: 'prometheus' };
  }

  async function storageOf({ kind, id }: Owner): Promise<number> {
    return (await files?.usages())?.get(`${kind === 'user' ? 'private' : 'team'}/${id}`) ?? 0;
  }

  /** A pod can say of itself that it is of any service: only the owner's own have a name. */
  async function nameOf(id: string | undefined, owner: Owner): Promise<{ name?: string }> {
    const service = id === undefined ? undefined : await services?.find(id);
    return service?.owner.id === owner.id ? { name: service.name } : {};
  }
}

const costOf = (
  { cpuHours, memoryGibHours }: Amounts,
  { cpuHour = 0, memoryGibHour = 0 }: { cpuHour?: number; memoryGibHour?: number },
): number => cpuHours * cpuHour + memoryGibHours * memoryGibHour;
