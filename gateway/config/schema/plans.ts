import { type Static, Type } from 'typebox';
import { type AddProblem, checkNames, object } from './section.ts';

const amount = /^(\d{1,7}(?:\.\d{1,3})?) ?([KMGT])(i?)B$/;
const powers = { K: 1, M: 2, G: 3, T: 4 } as const;

/** `20 GiB` is 20 × 2^30 bytes, `20 GB` is 20 × 10^9; undefined for what is no amount. */
export function parseAmount(text: string): number | undefined {
  const [, count, unit, binary] = amount.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(count) * (binary === 'i' ? 1024 : 1000) ** powers[unit as keyof typeof powers]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Extended resources have a domain before their name (Kubernetes, "Extended resources"). */
const extendedResource = '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$';

const ResourceConfig = object(
  {
    name: Type.String({ pattern: extendedResource, description: 'In the cluster, for example nvidia.com/gpu.' }),
    count: Type.Integer({ minimum: 0, maximum: 10_000, description: 'How many a person or team may have together.' }),
  },
  'One kind of what a cluster has.',
);

export const PlanConfig = object(
  {
    name: Type.String({
      pattern: '^[a-z][a-z0-9-]{0,29}$',
      description: 'Under which an administrator gives it to people and teams.',
    }),
    title: Type.Optional(
      Type.String({ minLength: 1, maxLength: 60, description: 'What people read; the name by default.' }),
    ),
    defaultFor: Type.Array(Type.Union([Type.Literal('people'), Type.Literal('teams')]), {
      default: [],
      description: 'Whose plan it is when they were given no other: `people`, `teams` or both.',
    }),
    storage: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'How much may be kept in the files of a person or team, for example 20 GiB; as much as there is room by default.',
      }),
    ),
    services: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 10_000,
        description: 'How many services of a person or team may run at once; sleeping and stopped ones do not count.',
      }),
    ),
    cpu: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 10_000,
        description: 'How many processors the services of a person or team that run may have together.',
      }),
    ),
    memory: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'How much memory the services of a person or team that run may have together, for example 8 GiB.',
      }),
    ),
    idleSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        description: 'How long services may be left alone before they sleep, at most; 0 says nothing.',
      }),
    ),
    resources: Type.Optional(
      Type.Array(ResourceConfig, {
        description:
          'Of what a cluster has beside processors and memory, for example GPUs; where `engine` is `kubernetes`.',
      }),
    ),
  },
  'Limits under a name.',
);

export type PlanSettings = Static<typeof PlanConfig>;

/** An amount that is none is said; undefined is nobody's mistake. */
export function checkAmount(path: string, text: string | undefined, add: AddProblem): void {
  if (text !== undefined && parseAmount(text) === undefined)
    add(path, `must be an amount such as 500 MiB, 20 GiB or 1.5 TB, but it is "${text}"`);
}

/** Names once, amounts that are some, one default for people and one for teams. */
export function checkPlans(plans: readonly PlanSettings[], add: AddProblem): void {
  checkNames('plans', plans, add);
  const defaults = new Map<string, number>();
  plans.forEach(({ defaultFor, ...plan }, index) => {
    checkNames(`plans[${index}].resources`, plan.resources ?? [], add);
    for (const key of ['storage', 'memory'] as const) checkAmount(`plans[${index}].${key}`, plan[key], add);
    for (const kind of new Set(defaultFor)) {
      const other = defaults.get(kind);
      if (other !== undefined)
        add(`plans[${index}].defaultFor`, `${kind} have plans[${other}] as their default already`);
      defaults.set(kind, index);
    }
  });
}
