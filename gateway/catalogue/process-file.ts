import { type Static, Type } from 'typebox';
import { checkAgainst, checkAmount, checkHost, parseAmount } from '../config/index.ts';
import { npmListName } from './npm-list.ts';
import { checkPlaceholders } from './placeholders.ts';
import { type FileMount, type JsonObject, type ProcessPlan, readYaml } from '../lib/index.ts';
import type { TemplateProblem } from './template.ts';

const closed = { additionalProperties: false };
const file = 'process.yaml';

const path = { pattern: '^/[!-~]{0,200}$' };

/** When it may be put to sleep. */
const RestSection = Type.Object(
  {
    idleSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
    quiet: Type.Array(Type.String({ ...path, description: 'A path that its pages ask for by themselves.' }), {
      default: [],
      maxItems: 20,
    }),
    sockets: Type.Union([Type.Literal('acts'), Type.Literal('open')], { default: 'acts' }),
    busy: Type.Optional(
      Type.Object(
        {
          says: Type.String({ minLength: 1, maxLength: 120, description: 'What it works at: A cell is running.' }),
          path: Type.Optional(Type.String(path)),
          pointer: Type.Optional(Type.String({ pattern: '^(/[ -~]{0,100}){0,10}$' })),
          is: Type.Optional(
            Type.Array(Type.Union([Type.String({ maxLength: 100 }), Type.Number(), Type.Boolean()]), {
              minItems: 1,
              maxItems: 10,
            }),
          ),
          cpu: Type.Optional(Type.Number({ minimum: 0.01, maximum: 1024 })),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** `process.yaml`: how a template runs on one machine, without Kubernetes. */
const ProcessFile = Type.Object(
  {
    command: Type.Array(Type.String({ minLength: 1, maxLength: 2000 }), { minItems: 1, maxItems: 100 }),
    environment: Type.Array(
      Type.Object(
        { name: Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,99}$' }), value: Type.String({ maxLength: 2000 }) },
        closed,
      ),
      { default: [], maxItems: 50 },
    ),
    listen: Type.Object(
      {
        socket: Type.Optional(Type.Boolean()),
        port: Type.Optional(Type.Integer({ minimum: 1024, maximum: 65535 })),
        offer: Type.Optional(
          Type.String({
            pattern: '^[A-Za-z0-9._-]{1,40}$',
            description: 'Name of the socket that it makes in {offer}.',
          }),
        ),
        speaks: Type.Optional(Type.String({ minLength: 1, maxLength: 40, description: 'What is spoken there.' })),
        check: Type.Optional(
          Type.Array(Type.String({ minLength: 1, maxLength: 2000 }), {
            minItems: 1,
            maxItems: 20,
            description: 'A program that ends with 0 when an offer is ready; without, it is when its socket accepts.',
          }),
        ),
      },
      { ...closed, description: 'socket: true, port: NUMBER, or offer: SOCKET with speaks: LANGUAGE' },
    ),
    ready: Type.String({
      default: '/',
      pattern: '^/[!-~]{0,200}$',
      description: 'A path that answers when it is ready.',
    }),
    stop: Type.Optional(
      Type.Union([Type.Literal('SIGINT'), Type.Literal('SIGQUIT')], {
        description: 'What asks it to end in good order, where that is not SIGTERM.',
      }),
    ),
    startSeconds: Type.Integer({ default: 60, minimum: 1, maximum: 900 }),
    memory: Type.Optional(Type.String({ description: 'An amount such as 300 MiB.' })),
    needs: Type.Object(
      {
        executables: Type.Array(
          Type.Object(
            {
              name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]{0,60}$' }),
              install: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
              folders: Type.Optional(
                Type.Array(Type.String({ pattern: '^(/([A-Za-z0-9._+-]+|\\*)){1,10}$' }), {
                  maxItems: 10,
                  description: 'Where it is besides /usr/bin: `*` stands for any one name.',
                }),
              ),
            },
            closed,
          ),
          { default: [], maxItems: 20 },
        ),
        python: Type.Array(
          Type.String({
            pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,60}(\\[[a-z0-9,-]{1,60}\\])?==[0-9][0-9A-Za-z.!+-]{0,40}$',
            description: 'A package with its exact version: jupyterlab==4.6.6.',
          }),
          { default: [], maxItems: 50 },
        ),
        requirements: Type.Optional(
          Type.Literal('requirements.txt', { description: 'A file of the template: every package with digests.' }),
        ),
        npm: Type.Optional(
          Type.Array(
            Type.Object(
              {
                lock: Type.String({
                  pattern: npmListName.source,
                  description: 'A package-lock.json of the template: every package with its digest.',
                }),
                into: Type.String({
                  default: '',
                  pattern: '^(node_modules(/[A-Za-z0-9@_~-][A-Za-z0-9._~-]*){1,20})?$',
                  description: 'The folder of an installed package that has packages of its own.',
                }),
              },
              closed,
            ),
            { minItems: 1, maxItems: 5 },
          ),
        ),
      },
      closed,
    ),
    network: Type.Object(
      {
        hosts: Type.Array(
          Type.String({
            maxLength: 260,
            description: 'A host that it reaches: pypi.org, *.example.org (what is below), db.example.org:5432.',
          }),
          { default: [], maxItems: 100 },
        ),
      },
      closed,
    ),
    files: Type.Array(Type.Union([Type.Literal('private'), Type.Literal('shared'), Type.Literal('teams')]), {
      default: ['private', 'shared', 'teams'],
      maxItems: 3,
    }),
    rest: Type.Optional(RestSection),
    reaches: Type.Optional(
      Type.String({
        pattern: '^values(\\.[A-Za-z0-9_-]+)+$',
        description: 'The value that names other services of the owner.',
      }),
    ),
  },
  closed,
);

/** What the gateway, or the way a service is run, sets itself. */
const reserved = /^(KNOT_|LD_|HOME$|PATH$|USER$|HTTPS?_PROXY$|NO_PROXY$|NODE_OPTIONS$)/i;

/** Reads `process.yaml`; undefined when it says nothing that could be started. `values` are the template's defaults. */
export function readProcess(text: string, values: JsonObject, problems: TemplateProblem[]): ProcessPlan | undefined {
  const yaml = readYaml(file, text, problems);
  if (yaml === undefined) return undefined;
  const found: { path: string; message: string }[] = [];
  const settings = checkAgainst(ProcessFile, yaml.value, found) as Static<typeof ProcessFile>;
  if (found.length === 0) found.push(...checkMeaning(settings, values));
  for (const { path, message } of found) {
    const line = yaml.lineOf(
      path
        .split(/[.[\]]+/)
        .filter(Boolean)
        .map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
    );
    const where = path === '' ? '' : `${path} `;
    problems.push({ file, severity: 'error', message: `${where}${message}`, ...(line !== undefined && { line }) });
  }
  if (found.length > 0) return undefined;
  const { command, environment, listen, ready, startSeconds, memory, needs, network, files, rest } = settings;
  const { reaches, stop } = settings;
  return {
    command,
    environment: Object.fromEntries(environment.map(({ name, value }) => [name, value])),
    listen: listenOf(listen),
    ...(stop !== undefined && { stop }),
    ready,
    startSeconds,
    memory: memory === undefined ? undefined : parseAmount(memory),
    needs: {
      executables: needs.executables.map(({ name, install, folders }) => ({
        name,
        install,
        ...(folders && { folders }),
      })),
      python: needs.python,
      requirements: needs.requirements,
      ...(needs.npm && { npm: needs.npm }),
    },
    files: [...new Set(files as FileMount[])],
    network,
    ...(rest && { rest: rest }),
    ...(reaches !== undefined && { reaches }),
  };
}

type Listen = Static<typeof ProcessFile>['listen'];

function listenOf({ port, offer, speaks, check }: Listen): ProcessPlan['listen'] {
  if (port !== undefined) return { kind: 'port', port };
  return offer === undefined
    ? { kind: 'socket' }
    : { kind: 'offer', file: offer, speaks: speaks!, ...(check && { check }) };
}

function checkMeaning(settings: Static<typeof ProcessFile>, values: JsonObject): { path: string; message: string }[] {
  const found: { path: string; message: string }[] = [];
  const add = (path: string, message: string): void => void found.push({ path, message });
  settings.command.forEach((argument, index) => {
    for (const problem of checkPlaceholders(argument, values)) add(`command[${index}]`, problem);
    if (argument.includes('\0')) add(`command[${index}]`, 'holds a NUL character');
  });
  // Which program runs is the template's to say, not the person's who fills in the form.
  if (settings.command[0]!.includes('{values')) add('command[0]', 'must not come from a value');
  const names = new Set<string>();
  settings.environment.forEach(({ name, value }, index) => {
    if (reserved.test(name)) add(`environment[${index}].name`, `"${name}" is set by Knot`);
    if (names.has(name)) add(`environment[${index}].name`, `"${name}" stands twice`);
    names.add(name);
    for (const problem of checkPlaceholders(value, values)) add(`environment[${index}].value`, problem);
  });
  settings.network.hosts.forEach((host, index) => void checkHost(`network.hosts[${index}]`, host, add));
  const { socket = false, port, offer, speaks, check } = settings.listen;
  if ([socket, port !== undefined, offer !== undefined].filter(Boolean).length !== 1)
    add('listen', 'must say one of socket: true, port: NUMBER, offer: SOCKET');
  if ((offer === undefined) !== (speaks === undefined)) add('listen', 'must say what an offer speaks, and only of one');
  check?.forEach((argument, index) => {
    for (const problem of checkPlaceholders(argument, values)) add(`listen.check[${index}]`, problem);
  });
  if (check && offer === undefined) add('listen.check', 'is for an offer');
  if (check?.[0]!.includes('{values')) add('listen.check[0]', 'must not come from a value');
  if (settings.stop !== undefined && socket) add('stop', 'is for programs with a port or an offer');
  const mentions = (placeholder: string): boolean =>
    [...settings.command, ...settings.environment.map(({ value }) => value)].some((text) => text.includes(placeholder));
  if (socket && !mentions('{socket}')) add('command', 'must tell the program where to listen: {socket}');
  if (offer !== undefined && !mentions('{offer}')) add('command', 'must tell the program where its offer is: {offer}');
  const { python, requirements, npm } = settings.needs;
  if (python.length > 0 && requirements !== undefined)
    add('needs.python', 'stands in requirements.txt: name the one or the other');
  if ((python.length > 0 || requirements !== undefined) && !mentions('{python}'))
    add('command', 'must start what it needs: {python}');
  if (npm !== undefined) {
    if (python.length > 0 || requirements !== undefined)
      add('needs.npm', 'stands beside packages of Python: a template needs the one or the other');
    if (!mentions('{packages}')) add('command', 'must start what it needs: {packages}');
    if (npm[0]!.into !== '') add('needs.npm[0].into', 'must be empty: the first is what others go into');
    for (const [index, { into }] of npm.entries())
      if (npm.findIndex((one) => one.into === into) < index) add(`needs.npm[${index}].into`, 'stands twice');
  }
  const busy = settings.rest?.busy;
  if (busy !== undefined && busy.path === undefined && busy.cpu === undefined)
    add('rest.busy', 'must say path: or cpu:, by which it is found out');
  checkAmount('memory', settings.memory, add);
  return found;
}
