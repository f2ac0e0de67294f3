import { knotError, printable, secretWord } from '../lib/index.ts';
import { type Command, type Invocation, table, UsageError } from './command.ts';
import type { Api } from './elsewhere/api.ts';
import { eitherUsage as which } from './elsewhere/which.ts';
import {
  asJson,
  find,
  isJson,
  send,
  type Service,
  serviceOptions as options,
  settle,
  tellPrograms,
  withServices,
} from './services.ts';

type Difference = { path: string; before?: unknown; after?: unknown; isSecret?: boolean };
type Changed = {
  service?: Service;
  from: { version: string };
  to: { version: string };
  changes: Difference[];
  misfits: { path: string; message: string }[];
};
type Revisions = {
  revisions: {
    revision: number;
    act: string;
    at: number;
    actor: string;
    template: { version: string };
    changes: Difference[];
  }[];
};

const changing = { ...options, check: { type: 'boolean' }, wait: { type: 'boolean' } } as const;

const valueOf = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** `/size  "small" → "large"` */
const told = ({ path, before, after, isSecret }: Difference): string =>
  printable(`${path}  ${isSecret === true ? secretWord : `${valueOf(before)} → ${valueOf(after)}`}`);

/** Asks for a change of what a service is made of, and prints what it changes. */
async function become(api: Api, invocation: Invocation, act: 'upgrade' | 'rollback', body: object): Promise<void> {
  const { options: given, streams, positionals } = invocation;
  const { id, steps } = await find(api, positionals[0]!);
  const dryRun = given['check'] === true;
  const changed = await send<Changed>(api, 'POST', `/api/v1/services/${id}/${act}`, { ...body, dryRun });
  const { from, to, changes, misfits, service } = changed;
  // For programs these are words beside what they read.
  const said = isJson(invocation) ? streams.stderr : streams.stdout;
  said.write(`${from.version} → ${to.version}\n`);
  for (const change of changes) said.write(`  ${told(change)}\n`);
  if (dryRun && isJson(invocation)) streams.stdout.write(asJson(changed));
  for (const { path, message } of misfits) said.write(`  ${printable(`${path} does not fit: ${message}`)}\n`);
  if (dryRun && misfits.length > 0) {
    throw knotError('KNOT_CLI_SERVICE_REFUSED', 422, 'Some of what was chosen does not fit.', {
      remedy: 'Choose it anew before, or upgrade with --drop.',
    });
  }
  if (service === undefined) return;
  // What is stopped stays so, whatever it is made of.
  if (given['wait'] === true && service.wish === 'running') return settle(api, id, invocation, steps);
  await tellPrograms(api, id, invocation);
}

export const serviceHistoryCommands: readonly Command[] = [
  {
    words: ['service', 'extend'],
    usage: `NAME --hours N [--json] ${which}`,
    summary: 'Keeps a service awake for some hours more, also when nobody uses it; --hours 0 takes that back.',
    options: { ...options, hours: { type: 'string' } },
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const { hours } = invocation.options;
        if (typeof hours !== 'string' || !/^(?:\d|1\d|2[0-4])$/.test(hours))
          throw new UsageError('--hours takes a number from 0 to 24');
        const { id, name } = await find(api, invocation.positionals[0]!);
        const longer = hours === '0' ? { until: null } : { hours: Number(hours) };
        const kept = await send<Service>(api, 'POST', `/api/v1/services/${id}/extend`, longer);
        if (isJson(invocation)) return void invocation.streams.stdout.write(asJson(kept));
        const { rest } = kept;
        const until = rest?.keptUntil === undefined ? undefined : new Date(rest.keptUntil).toISOString();
        invocation.streams.stdout.write(
          until === undefined ? `${name}: sleeps when nobody uses it\n` : `${name}: kept awake until ${until}\n`,
        );
      }),
  },
  {
    words: ['service', 'upgrade'],
    usage: `NAME [--check] [--drop] [--wait] [--json] ${which}`,
    summary:
      'Upgrades a service to the version that its template has today, with what was chosen; --check only says what that changes, --drop leaves out what does not fit.',
    options: { ...changing, drop: { type: 'boolean' } },
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, (api) =>
        become(api, invocation, 'upgrade', invocation.options['drop'] === true ? { drop: true } : {}),
      ),
  },
  {
    words: ['service', 'rollback'],
    usage: `NAME [--to REVISION] [--check] [--wait] [--json] ${which}`,
    summary:
      'Makes a service what it was before, or at a revision: its template and values. Files stay as they are; --check only says what that changes.',
    options: { ...changing, to: { type: 'string' } },
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const { to } = invocation.options;
        if (to !== undefined && (typeof to !== 'string' || !/^[1-9]\d{0,8}$/.test(to)))
          throw new UsageError('--to takes the number of a revision');
        await become(api, invocation, 'rollback', to === undefined ? {} : { to: Number(to) });
      }),
  },
  {
    words: ['service', 'revisions'],
    usage: `NAME [--json] ${which}`,
    summary: 'Lists what a service was made of, and what each change changed.',
    options,
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const { id } = await find(api, invocation.positionals[0]!);
        const { revisions } = await send<Revisions>(api, 'GET', `/api/v1/services/${id}/revisions`);
        const { stdout } = invocation.streams;
        if (isJson(invocation)) return void stdout.write(asJson(revisions));
        const rows = revisions.map(({ revision, act, at, actor, template, changes }) => [
          ...[String(revision), act, template.version, new Date(at).toISOString(), printable(actor)],
          changes.map(told).join(', '),
        ]);
        stdout.write(`${table([['REVISION', 'ACT', 'VERSION', 'TIME', 'BY', 'CHANGED'], ...rows])}\n`);
      }),
  },
];
