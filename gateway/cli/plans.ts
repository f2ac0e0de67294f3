import type { Facts } from '../app/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Invocation, table, UsageError } from './command.ts';
import { actor, withFacts } from './facts.ts';

export const planCommands: readonly Command[] = [
  {
    words: ['plan', 'list'],
    usage: '[--json]',
    summary: 'Lists the plans of knot.yaml.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const plans = await withFacts(invocation, async (facts) => facts.plans.list());
      const limit = (amount: number | undefined, unit = ''): string =>
        amount === undefined ? 'unlimited' : `${amount}${unit}`;
      const rows = plans.map(({ name, title, storage, services, cpu, memory, defaultFor }) => [
        name,
        title,
        limit(storage, ' bytes'),
        limit(services),
        limit(cpu),
        limit(memory, ' bytes'),
        defaultFor.join(','),
      ]);
      const output =
        invocation.options['json'] === true
          ? JSON.stringify(plans, null, 2)
          : table([['NAME', 'TITLE', 'STORAGE', 'SERVICES', 'PROCESSORS', 'MEMORY', 'DEFAULT FOR'], ...rows]);
      invocation.streams.stdout.write(`${output}\n`);
    },
  },
  {
    words: ['plan', 'show'],
    usage: 'OWNER',
    summary: 'Says which plan a person or team has, and why.',
    options: {},
    positionals: [1, 1],
    run: (invocation) =>
      describePlan(invocation, async (facts) => facts.plans.of(await ownerOf(facts, invocation.positionals[0]!))),
  },
  {
    words: ['plan', 'set'],
    usage: 'OWNER PLAN|--default',
    summary: 'Gives a person or team a plan, or the default again.',
    options: { default: { type: 'boolean' } },
    positionals: [1, 2],
    async run(invocation) {
      const [name = '', plan] = invocation.positionals;
      if ((plan === undefined) !== (invocation.options['default'] === true)) {
        throw new UsageError('give either the name of a plan or --default');
      }
      await describePlan(invocation, async (facts) =>
        facts.plans.give(await ownerOf(facts, name), plan ?? null, { actor: actor.name }),
      );
    },
  },
];

async function describePlan(
  invocation: Invocation,
  work: (facts: Facts) => ReturnType<Facts['plans']['of']>,
): Promise<void> {
  const { plan, source, lost } = await withFacts(invocation, work);
  const why = { given: 'given by an administrator', default: 'the default', none: 'nothing is limited' }[source];
  const gone = lost === undefined ? '' : `; the plan "${lost}" that was given is not in knot.yaml any more`;
  invocation.streams.stdout.write(`${invocation.positionals[0]!}: ${plan?.name ?? 'no plan'} (${why}${gone}).\n`);
}

async function ownerOf({ owners }: Facts, name: string) {
  const owner = await owners.find(name);
  if (owner) return owner;
  throw knotError('KNOT_CLI_NO_SUCH_OWNER', 404, `There is no person and no team "${name}".`, {
    remedy: '`knot user list` and `knot team list` show all of them.',
  });
}
