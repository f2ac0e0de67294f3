import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

export const MetricsLabelParamsSchema = closed({ name: Type.String({ minLength: 1, maxLength: 200 }) });

/** As Prometheus answers: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview. */
export const PrometheusAnswerSchema = Type.Object(
  {
    status: Type.String({ description: '`success` or `error`.' }),
    data: Type.Optional(Type.Unknown()),
    errorType: Type.Optional(Type.String()),
    error: Type.Optional(Type.String()),
    warnings: Type.Optional(Type.Array(Type.String())),
    infos: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: true, description: 'What Prometheus answers, about the namespaces that may be read.' },
);

export const UsageQuerySchema = closed({
  owner: Type.Optional(Type.String({ maxLength: 100, description: 'Name of a person or team; oneself without.' })),
  month: Type.Optional(
    Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', description: 'YYYY-MM in UTC; the present one without.' }),
  ),
});
export type UsageQuery = Static<typeof UsageQuerySchema>;

const amounts = {
  cpuHours: Type.Number({ description: 'Processors, times the hours they were busy.' }),
  memoryGibHours: Type.Number({ description: 'Memory in GiB, times the hours it was held.' }),
  cost: Type.Optional(Type.Number({ description: 'In the currency of the prices; absent where there are none.' })),
};

/** What somebody used in a month, and what is theirs to use. Days are of UTC. */
export const UsageSchema = closed({
  owner: closed({ kind: oneOf('user', 'team'), name: Type.String(), title: Type.String() }),
  month: Type.String({ description: 'YYYY-MM' }),
  now: closed(
    {
      cpu: Type.Number({ description: 'Processors that are busy, on average of five minutes.' }),
      memory: Type.Number({ description: 'Bytes that are held.' }),
      storage: Type.Number({ description: 'Bytes of files.' }),
      services: Type.Integer({ description: 'Services that run.' }),
    },
    'At this moment.',
  ),
  limits: closed(
    {
      cpu: Type.Optional(Type.Number()),
      memory: Type.Optional(Type.Integer()),
      storage: Type.Optional(Type.Integer()),
      services: Type.Optional(Type.Integer()),
    },
    'Of the plan; what is absent has no limit.',
  ),
  plan: Type.Optional(closed({ name: Type.String(), title: Type.Optional(Type.String()) })),
  measuredBy: oneOf('prometheus', 'services'),
  since: Type.Optional(
    Type.String({
      description:
        'YYYY-MM-DD: before it nothing is known. `services`: what services used on this machine is known since then, and nothing of notebooks and workflows.',
    }),
  ),
  days: Type.Array(closed({ day: Type.String({ description: 'YYYY-MM-DD' }), ...amounts }), {
    description: 'From the first of the month to its last day, or to today.',
  }),
  services: Type.Array(
    closed({
      id: Type.Optional(Type.String({ description: 'Absent for what belongs to no service: notebooks, workflows.' })),
      name: Type.Optional(Type.String({ description: 'Absent for a service that is removed.' })),
      ...amounts,
    }),
    { description: 'What used most first.' },
  ),
  total: closed(amounts),
  prices: Type.Optional(
    closed({
      currency: Type.String(),
      cpuHour: Type.Optional(Type.Number()),
      memoryGibHour: Type.Optional(Type.Number()),
      storageGibMonth: Type.Optional(Type.Number()),
    }),
  ),
  storageCost: Type.Optional(
    Type.Number({ description: 'Of the files that are there now, for the part of the month that is over.' }),
  ),
});
export type Usage = Static<typeof UsageSchema>;
