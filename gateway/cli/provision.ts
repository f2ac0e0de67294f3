import { addressesBeside, differencesBeside, type Facts, placesBeside } from '../app/index.ts';
import type { Config } from '../config/index.ts';
import type { Address } from '../discovery/index.ts';
import { knotError, printable } from '../lib/index.ts';
import type { Difference, Place, Places } from '../provisioning/index.ts';
import { type Command, type Invocation, table } from './command.ts';
import { actor, withFacts } from './facts.ts';

/** `knot provision …`: the places of people and teams in the cluster. The gateway makes them; what is asked here it hears of. */
export const provisionCommands: readonly Command[] = [
  {
    words: ['provision', 'status'],
    usage: '[OWNER] [--json]',
    summary: 'Says how far the places of people and teams in the cluster are, and what is in the way.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 1],
    run: (invocation) =>
      withPlaces(invocation, async ({ places: known, facts, ownerId, print }) => {
        const found = ownerId === undefined ? await known.all() : [await placeOf(known, ownerId)];
        const addresses = await addressesBeside(facts);
        const made = ownerId === undefined ? await addresses.all() : await addresses.of([{ id: ownerId }]);
        const places = found.map((place) => ({
          ...place,
          addresses: made.filter(({ owner }) => owner.id === place.owner.id),
        }));
        print(places, () => (ownerId === undefined ? listOf(places) : stepsOf(places[0]!)));
      }),
  },
  {
    words: ['provision', 'run'],
    usage: '[OWNER] [--json]',
    summary: 'Has the gateway look at one place, or at all of them, now.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 1],
    run: (invocation) =>
      withPlaces(invocation, async ({ places, ownerId, subject, print }) => {
        await places.ask(ownerId, { actor, subject });
        print({ asked: subject }, () => 'The gateway looks at it now; `knot provision status` says what became of it.');
      }),
  },
  {
    words: ['provision', 'diff'],
    usage: '[OWNER] [--json]',
    summary: 'Compares the cluster with what is wanted, and changes nothing.',
    options: { json: { type: 'boolean' } },
    positionals: [0, 1],
    run: (invocation) =>
      withPlaces(invocation, async ({ facts, config, ownerId, print }) => {
        const owners = (await facts.accounts.listOwners()).filter(({ id }) => ownerId === undefined || id === ownerId);
        const found: ReturnType<typeof shown>[] = [];
        const differences = await differencesBeside(
          facts,
          config,
          owners.map(({ id }) => id),
        );
        for (const { id, name } of owners)
          for (const difference of differences.get(id) ?? []) found.push(shown(name, difference));
        print(found, () =>
          found.length === 0
            ? 'Everything is as it shall be.'
            : table([
                ['OWNER', 'OBJECT', 'IS', 'WHERE'],
                ...found.map(({ owner, object, is, where }) => [owner, object, is, where]),
              ]),
        );
      }),
  },
];

type Work = {
  places: Places;
  facts: Facts;
  config: Config;
  /** Of the owner that was named. */
  ownerId: string | undefined;
  subject: string;
  print(data: unknown, words: () => string): void;
};

async function withPlaces(invocation: Invocation, work: (given: Work) => Promise<void>): Promise<void> {
  await withFacts(invocation, async (facts, config) => {
    if (config.engine !== 'kubernetes') {
      throw knotError('KNOT_CLI_NO_PLACES', 404, 'This Knot has no cluster: it runs services on its own machine.', {
        remedy: 'See engine and kubernetes in knot.yaml.',
      });
    }
    const named = invocation.positionals[0];
    const owner = named === undefined ? undefined : await facts.owners.find(named);
    if (named !== undefined && owner === undefined) {
      throw knotError('KNOT_CLI_NO_SUCH_OWNER', 404, `There is no person and no team "${named}".`, {
        remedy: '`knot user list` and `knot team list` show all of them.',
      });
    }
    await work({
      ...{ places: await placesBeside(facts), facts, config, ownerId: owner?.id },
      subject: owner ? `${owner.kind}:${owner.name}` : 'places',
      print: (data, words) =>
        void invocation.streams.stdout.write(
          `${invocation.options['json'] === true ? JSON.stringify(data, null, 2) : words()}\n`,
        ),
    });
  });
}

async function placeOf(places: Places, ownerId: string): Promise<Place> {
  const place = await places.find(ownerId);
  if (place) return place;
  throw knotError('KNOT_CLI_NO_PLACE', 404, 'Nothing has been made for them in the cluster yet.', {
    remedy: 'See that the gateway runs; `knot provision run` has it look now.',
  });
}

type WithAddresses = Place & { addresses: readonly Address[] };

function listOf(places: readonly WithAddresses[]): string {
  if (places.length === 0) return 'Nothing has been made yet.';
  const rows = places.map(({ owner, namespace, state, since, steps, addresses }) => [
    owner.name,
    namespace,
    state,
    new Date(since).toISOString(),
    steps.find(({ cause }) => cause !== undefined)?.cause ?? refusalsOf(addresses),
  ]);
  return table([['OWNER', 'NAMESPACE', 'STATE', 'SINCE', 'BECAUSE'], ...rows]);
}

/** What of an owner's own making leads nowhere, in short. */
function refusalsOf(addresses: readonly Address[]): string {
  const refused = addresses.filter(({ state }) => state === 'refused').length;
  return refused === 0 ? '' : `${refused} ${refused === 1 ? 'address' : 'addresses'} refused`;
}

function stepsOf({ owner, namespace, state, steps, overrides, addresses }: WithAddresses): string {
  const rows = steps.map((step) => [
    step.title,
    step.state,
    new Date(step.since).toISOString(),
    step.attempts > 0 ? String(step.attempts) : '',
    step.cause ?? '',
  ]);
  const taken = overrides.map(({ object, reason }) => `${object} was taken over by an administrator: ${reason}`);
  return [
    `${owner.name}: ${namespace} is ${state}.`,
    table([['STEP', 'STATE', 'SINCE', 'FAILED', 'BECAUSE'], ...rows]),
    ...taken,
    ...(addresses.length === 0 ? [] : ['', 'Made reachable by hand:', addressTable(addresses)]),
  ].join('\n');
}

const addressTable = (addresses: readonly Address[]): string =>
  table([
    ['OBJECT', 'HOST', 'STATE', 'SINCE', 'BECAUSE'],
    ...addresses.map(({ object, host, state, since, reason }) => [
      printable(object),
      printable(host ?? '*'),
      state,
      new Date(since).toISOString(),
      printable(reason ?? ''),
    ]),
  ]);

const shown = (owner: string, difference: Difference) => ({
  owner,
  object: difference.key,
  is: difference.is,
  where:
    difference.is === 'changed'
      ? difference.fields.join(', ')
      : difference.is === 'overridden'
        ? difference.reason
        : '',
});
