import { Type } from 'typebox';
import { object } from './section.ts';

const price = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1_000_000, description }));

export const MetricsConfig = object(
  {
    prices: object(
      {
        currency: Type.String({
          minLength: 1,
          maxLength: 12,
          description: 'What a price is in, as people read it: EUR, or credits.',
        }),
        cpuHour: price('Of one processor that is busy for an hour.'),
        memoryGibHour: price('Of one GiB of memory that is held for an hour.'),
        storageGibMonth: price('Of one GiB of files that are kept for a month.'),
      },
      'What people are shown that their use costs; Knot sends no bill.',
    ),
  },
  'Use of processors, memory and files; needs `integrations.prometheus`.',
);
