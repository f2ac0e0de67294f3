import type { Owner, Service } from '#lib/contract.ts';

/** Which of them take of the plan: what sleeps or is stopped does not. */
const taking: ReadonlySet<Service['state']> = new Set(['requested', 'starting', 'waking', 'ready', 'stopping']);

/** What is left of an owner's plan; undefined where nothing of it is limited. */
export function leftOf(
  owner: Owner | undefined,
  services: readonly Pick<Service, 'owner' | 'state' | 'size'>[],
): { cpu?: number; memory?: number } | undefined {
  const { cpu, memory } = owner?.plan.plan ?? {};
  if (owner === undefined || (cpu === undefined && memory === undefined)) return undefined;
  const sizes = services
    .filter((one) => one.owner.name === owner.name && taking.has(one.state))
    .map(({ size }) => size);
  const sum = (of: 'cpu' | 'memory'): number => sizes.reduce((total, size) => total + (size?.[of] ?? 0), 0);
  return {
    ...(cpu !== undefined && { cpu: Math.max(0, cpu - sum('cpu')) }),
    ...(memory !== undefined && { memory: Math.max(0, memory - sum('memory')) }),
  };
}
