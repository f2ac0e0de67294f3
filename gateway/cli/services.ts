import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { knotError, printable } from '../lib/index.ts';
import { type Command, type Invocation, type Streams, table, UsageError } from './command.ts';
import type { Api } from './elsewhere/api.ts';
import { eitherOptions, eitherUsage as which, isHere, withApi } from './elsewhere/which.ts';
import { printLogs } from './service-logs.ts';

/** What the API says of a service, as far as it is shown here. */
export type Service = {
  id: string;
  name: string;
  owner: { name: string };
  template: { title: string };
  url: string;
  wish: string;
  state: string;
  steps?: { name: string; title: string; state: string; startedAt?: number; endedAt?: number }[];
  rest?: { sleepsAt?: number; keptUntil?: number; busyWith?: string };
  newerVersion?: string;
  cause?: { what: string; remedy: string; lines?: string[] };
};

/** Of what somebody made reachable in the cluster by hand. */
type Address = {
  owner: { name: string };
  object: string;
  host?: string;
  url?: string;
  state: string;
  reason?: string;
};
type ServiceList = { services: Service[]; addresses?: Address[] };

export const serviceOptions = { ...eitherOptions, json: { type: 'boolean' } } as const;
const askAgainMs = 300;

/** The services of somebody: of --as at the gateway beside, else of who signed in to the one elsewhere. */
export async function withServices<T>(invocation: Invocation, work: (api: Api) => Promise<T>): Promise<T> {
  if (!isHere(invocation)) return withApi(invocation, work);
  // What it needs of this machine is nothing to who works on one elsewhere.
  const { withApiBeside } = await import('./beside.ts');
  return withApiBeside(invocation, ['services:write'], work);
}

export async function send<T>(api: Api, method: string, path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return (await api.json(path, { method, ...(body && { headers, body: JSON.stringify(body) }) })) as T;
}

const listAll = (api: Api): Promise<ServiceList> => send<ServiceList>(api, 'GET', '/api/v1/services');
const list = async (api: Api): Promise<Service[]> => (await listAll(api)).services;

/** By its name, or OWNER/NAME where two owners have one of that name. */
export async function find(api: Api, named: string): Promise<Service> {
  const [name, owner] = named.split('/').reverse();
  const found = (await list(api)).filter(
    (each) => each.name === name && (owner === undefined || each.owner.name === owner),
  );
  if (found.length === 1) return found[0]!;
  throw knotError(
    'KNOT_CLI_NO_SUCH_SERVICE',
    404,
    found.length === 0 ? `There is no service "${named}".` : `Several owners have a service "${named}".`,
    { remedy: found.length === 0 ? '`knot service list` shows all of yours.' : 'Write OWNER/NAME.' },
  );
}

/** `a.b=3` → `{a: {b: 3}}`; the value is YAML, so that numbers, yes and no, and lists can be said. */
function valuesOf(settings: unknown): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const setting of Array.isArray(settings) ? (settings as string[]) : []) {
    const [, path, text] = /^([A-Za-z0-9_.-]+)=(.*)$/s.exec(setting) ?? [];
    if (path === undefined || text === undefined) throw new UsageError(`--set takes PATH=VALUE, not "${setting}"`);
    let section = values;
    const keys = path.split('.');
    for (const key of keys.slice(0, -1)) section = (section[key] ??= Object.create(null)) as Record<string, unknown>;
    section[keys.at(-1)!] = text === '' ? '' : parse(text);
  }
  return values;
}

function line({ name, owner, state, cause, url, template }: Service): string[] {
  const why = cause && (state === 'failed' || state === 'starting') ? `: ${cause.what}` : '';
  return [`${owner.name}/${name}`, template.title, printable(`${state}${why}`), url];
}

/** Made reachable in the cluster by hand: in place of a template stands what asks for it. */
function lineOfAddress({ owner, object, state, reason, host, url }: Address): string[] {
  const why = reason === undefined ? '' : `: ${reason}`;
  return [owner.name, printable(object), printable(`${state}${why}`), printable(url ?? host ?? '*')];
}

/** When it sleeps, and what there is to upgrade to. */
function restOf({ rest, newerVersion }: Service): string[] {
  const { sleepsAt, keptUntil, busyWith } = rest ?? {};
  return [
    ...(busyWith === undefined ? [] : [`stays awake: ${busyWith}`]),
    ...(sleepsAt === undefined ? [] : [`sleeps at ${new Date(sleepsAt).toISOString()} unless somebody uses it`]),
    ...(keptUntil === undefined ? [] : [`kept awake until ${new Date(keptUntil).toISOString()}`]),
    ...(newerVersion === undefined ? [] : [`can be upgraded to ${newerVersion}`]),
  ];
}

type Steps = NonNullable<Service['steps']>;
const keyOf = ({ name, endedAt }: Steps[number]): string => `${name} ${endedAt}`;

/** Tells each new state, and each step with its time, until it is ready or given up. */
async function follow(api: Api, id: string, { stdout }: Streams, before: Steps): Promise<void> {
  let told = '';
  const ended = new Set(before.map(keyOf));
  for (;;) {
    const service = await send<Service>(api, 'GET', `/api/v1/services/${id}`);
    const { state, cause, url, wish } = service;
    for (const step of service.steps ?? []) {
      const { title, startedAt, endedAt } = step;
      if (endedAt === undefined || ended.has(keyOf(step))) continue;
      ended.add(keyOf(step));
      const seconds = ((endedAt - (startedAt ?? endedAt)) / 1000).toFixed(1);
      stdout.write(`  ${printable(title)}: ${step.state === 'failed' ? 'failed after' : 'done in'} ${seconds} s\n`);
    }
    if (state !== told) stdout.write(`${new Date().toISOString()} ${state}${state === 'ready' ? ` ${url}` : ''}\n`);
    told = state;
    if (state === 'ready') return;
    if (state === 'failed') {
      for (const said of cause?.lines ?? []) stdout.write(`  ${printable(said)}\n`);
      throw knotError('KNOT_CLI_SERVICE_FAILED', 422, printable(cause?.what ?? 'It did not start.'), {
        ...(cause && { remedy: cause.remedy }),
      });
    }
    if (wish !== 'running')
      throw knotError('KNOT_CLI_SERVICE_FAILED', 422, 'Somebody stopped it meanwhile.', { remedy: 'Start it again.' });
    await delay(askAgainMs);
  }
}

export const isJson = ({ options: given }: Invocation): boolean => given['json'] === true;
export const asJson = (told: unknown): string => `${JSON.stringify(told, null, 2)}\n`;

/** Tells what becomes of it until it is ready, for programs with the steps aside. `before`: steps of the start before this one. */
export async function settle(api: Api, id: string, invocation: Invocation, before: Steps = []): Promise<void> {
  const { streams } = invocation;
  await follow(api, id, isJson(invocation) ? { ...streams, stdout: streams.stderr } : streams, before);
  await tellPrograms(api, id, invocation);
}

/** For programs what has become of it. */
export async function tellPrograms(api: Api, id: string, invocation: Invocation): Promise<void> {
  if (!isJson(invocation)) return;
  invocation.streams.stdout.write(asJson(await send<Service>(api, 'GET', `/api/v1/services/${id}`)));
}

function act(word: 'start' | 'wake' | 'stop' | 'remove', summary: string): Command {
  const mayWait = word === 'start' || word === 'wake';
  return {
    words: ['service', word],
    usage: `NAME ${mayWait ? '[--wait] ' : ''}[--json] ${which}`,
    summary,
    options: { ...serviceOptions, ...(mayWait && { wait: { type: 'boolean' as const } }) },
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const { id, name, steps } = await find(api, invocation.positionals[0]!);
        const path = `/api/v1/services/${id}`;
        const told = await (word === 'remove' ? send(api, 'DELETE', path) : send(api, 'POST', `${path}/${word}`, {}));
        if (invocation.options['wait'] === true) return settle(api, id, invocation, steps);
        invocation.streams.stdout.write(isJson(invocation) ? asJson(told) : `${name}: ${word} is under way\n`);
      }),
  };
}

const logsCommand: Command = {
  words: ['service', 'logs'],
  usage: `NAME [--follow] [--search TEXT] [--lines N] [--json] ${which}`,
  summary:
    'Prints what a service said last; --follow goes on with each new line until it is interrupted, --json prints each line as JSON.',
  options: { ...serviceOptions, follow: { type: 'boolean' }, search: { type: 'string' }, lines: { type: 'string' } },
  positionals: [1, 1],
  run: (invocation) =>
    withServices(invocation, async (api) => {
      const { follow, search, lines = '200' } = invocation.options;
      if (typeof lines !== 'string' || !/^[1-9]\d{0,2}$|^1000$/.test(lines))
        throw new UsageError('--lines takes a number from 1 to 1000');
      if (follow === true && search !== undefined)
        throw new UsageError('--follow shows every line: leave --search out');
      const { id } = await find(api, invocation.positionals[0]!);
      const wanted = { limit: lines, ...(typeof search === 'string' && { q: search }) };
      const { stdout: out } = invocation.streams;
      await printLogs(api, id, wanted, { follow: follow === true, isJson: isJson(invocation), out });
    }),
};

export const serviceCommands: readonly Command[] = [
  {
    words: ['service', 'list'],
    usage: `[--json] ${which}`,
    summary: 'Lists what you and your teams run on the Knot you signed in to.',
    options: serviceOptions,
    positionals: [0, 0],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const { services, addresses = [] } = await listAll(api);
        const rows = () => [...services.map(line), ...addresses.map(lineOfAddress)];
        invocation.streams.stdout.write(
          isJson(invocation) ? asJson(services) : `${table([['NAME', 'TEMPLATE', 'STATE', 'ADDRESS'], ...rows()])}\n`,
        );
      }),
  },
  {
    words: ['service', 'launch'],
    usage: `TEMPLATE NAME [--owner O] [--set PATH=VALUE]… [--check] [--wait] [--json] ${which}`,
    summary:
      'Launches a service; --check only says whether it would start, --wait shows the steps and ends when it is ready.',
    options: {
      ...serviceOptions,
      owner: { type: 'string' },
      set: { type: 'string', multiple: true },
      check: { type: 'boolean' },
      wait: { type: 'boolean' },
    },
    positionals: [2, 2],
    run: (invocation) => withServices(invocation, (api) => launch(api, invocation)),
  },
  {
    words: ['service', 'show'],
    usage: `NAME [--json] ${which}`,
    summary: 'Prints one service, with each step in its life.',
    options: serviceOptions,
    positionals: [1, 1],
    run: (invocation) =>
      withServices(invocation, async (api) => {
        const { id } = await find(api, invocation.positionals[0]!);
        const service = await send<Service>(api, 'GET', `/api/v1/services/${id}`);
        const { events } = await send<{
          events: { at: number; state: string; actor: string; cause?: { what: string } }[];
        }>(api, 'GET', `/api/v1/services/${id}/events`);
        const { stdout } = invocation.streams;
        if (isJson(invocation)) return void stdout.write(asJson({ ...service, events }));
        stdout.write(`${line(service).join('  ')}\n`);
        for (const said of restOf(service)) stdout.write(`  ${printable(said)}\n`);
        for (const { at, state, actor, cause } of events.toReversed())
          stdout.write(
            `  ${new Date(at).toISOString()} ${state} by ${printable(actor)}${cause ? `: ${printable(cause.what)}` : ''}\n`,
          );
      }),
  },
  logsCommand,
  act('start', 'Starts a service, again if it failed.'),
  act('wake', 'Wakes a service that sleeps, as a visit to it does.'),
  act('stop', 'Stops a service; what it kept for itself stays.'),
  act(
    'remove',
    'Stops a service and takes it away, with what it kept for itself (in a cluster: to the trash); files of its owner stay.',
  ),
];

async function launch(api: Api, invocation: Invocation): Promise<void> {
  const { positionals, options: given, streams } = invocation;
  const [template, name] = positionals as [string, string];
  const isCheck = given['check'] === true;
  const wanted = {
    template,
    name,
    values: valuesOf(given['set']),
    ...(typeof given['owner'] === 'string' && { owner: given['owner'] }),
  };
  const { service, obstacles } = await send<{ service?: Service; obstacles: { field: string; message: string }[] }>(
    api,
    'POST',
    '/api/v1/services',
    { ...wanted, dryRun: isCheck },
  );
  // For programs what a look found, whatever it was; who asked for a service reads of a refusal by the status.
  if (isCheck && isJson(invocation)) streams.stdout.write(asJson({ wouldStart: obstacles.length === 0, obstacles }));
  for (const { field, message } of obstacles) streams.stderr.write(`${printable(field)}: ${printable(message)}\n`);
  if (obstacles.length > 0) {
    throw knotError('KNOT_CLI_SERVICE_REFUSED', 422, 'It would not start.', { remedy: 'Correct the lines above.' });
  }
  if (service === undefined) {
    if (!isJson(invocation)) streams.stdout.write('It would start.\n');
    return;
  }
  if (given['wait'] === true) return settle(api, service.id, invocation);
  streams.stdout.write(isJson(invocation) ? asJson(service) : `${service.url}\n`);
}
