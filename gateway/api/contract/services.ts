import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';

const JsonObjectSchema = Type.Record(Type.String(), Type.Unknown(), {
  description: 'Plain data, by the schema of the template.',
  // Said, so that all of it is sent: what an answer does not name does not leave.
  additionalProperties: true,
});

export const TemplateProblemSchema = closed({
  file: Type.String(),
  line: Type.Optional(Type.Integer()),
  severity: oneOf('error', 'warning'),
  message: Type.String(),
});

const templateFacts = {
  id: Type.String({
    description:
      '`web`; `team:NAME/web` and `user:NAME/web` for those of a team or a person, `user:NAME@registry/web` for charts they pushed to the registry; of these `…/web@1.0.0` is that version.',
  }),
  name: Type.String(),
  origin: oneOf('shipped', 'admin', 'team', 'user'),
  version: Type.String(),
  versions: Type.Optional(
    Type.Array(Type.String(), { description: 'Of those in the registry: what there is, the newest first.' }),
  ),
  source: Type.Optional(Type.String({ description: 'Of those in the registry: where, such as `oci://HOST/ada/web`.' })),
  title: Type.String(),
  description: Type.String(),
  categories: Type.Array(Type.String()),
  owner: Type.Optional(Type.String({ description: 'Of those of a team or a person.' })),
  icon: Type.Optional(Type.String({ description: 'Address of its picture, an SVG.' })),
  isUsable: Type.Boolean({ description: 'Whether it can be launched here, once what is missing is there.' }),
  needsKubernetes: Type.Boolean({ description: 'It runs on Kubernetes only, and services here run on one machine.' }),
  needsMachine: Type.Boolean({ description: 'It runs on one machine only, and services here run on Kubernetes.' }),
  missing: Type.Array(closed({ what: Type.String(), remedy: Type.String() }), {
    description: 'What it needs and this machine has not.',
  }),
  problems: Type.Array(TemplateProblemSchema, { description: 'What is wrong with it.' }),
};

export const TemplateSummarySchema = closed(templateFacts);
export type TemplateSummary = Static<typeof TemplateSummarySchema>;
export const TemplateListSchema = closed({ templates: Type.Array(TemplateSummarySchema) });
export type TemplateList = Static<typeof TemplateListSchema>;

/** What a service may take of the machine. */
const SizeSchema = closed({
  name: Type.String({ description: 'What a value holds that chooses one.' }),
  title: Type.String(),
  cpu: Type.Number({ description: 'Processors.' }),
  memory: Type.Integer({ description: 'Bytes.' }),
});
export type Size = Static<typeof SizeSchema>;

export const TemplateSchema = closed({
  ...templateFacts,
  readme: Type.Optional(Type.String({ description: 'Markdown.' })),
  schema: JsonObjectSchema,
  schemaSource: oneOf('written', 'inferred'),
  sizes: Type.Array(SizeSchema, { description: 'To choose from, smallest first.' }),
  values: JsonObjectSchema,
});
export type Template = Static<typeof TemplateSchema>;

/** `web`, or `team:physics` and `web`: the two parts of the id of a template of people. */
export const TemplateParamsSchema = closed({ name: Type.String({ minLength: 1, maxLength: 120 }) });
export const OwnTemplateParamsSchema = closed({
  origin: Type.String({ minLength: 1, maxLength: 60 }),
  name: Type.String({ minLength: 1, maxLength: 160 }),
});

export const NewServiceSchema = closed({
  template: Type.String({ minLength: 1, maxLength: 220 }),
  name: Type.String({ minLength: 1, maxLength: 100 }),
  owner: Type.Optional(Type.String({ maxLength: 100, description: 'Myself, or a team I manage; myself without.' })),
  values: JsonObjectSchema,
  dryRun: Type.Optional(Type.Boolean({ description: 'Only say whether it would start.' })),
});
export type NewService = Static<typeof NewServiceSchema>;

const CauseSchema = closed({
  code: Type.String(),
  what: Type.String({ description: 'What happened, in plain words.' }),
  remedy: Type.String(),
  lines: Type.Optional(Type.Array(Type.String(), { description: 'The last it said, for who may use it.' })),
});

const serviceStates = [
  'requested',
  'starting',
  'waking',
  'ready',
  'sleeping',
  'stopping',
  'stopped',
  'failed',
] as const;

/** One step of a start, as the checklist shows it. */
const ServiceStepSchema = closed({
  name: Type.String({ description: '`packages`, `program`, `answer`, ...' }),
  title: Type.String(),
  state: oneOf('done', 'working', 'waiting', 'failed'),
  startedAt: Type.Optional(TimeSchema),
  endedAt: Type.Optional(TimeSchema),
});

/** What it may take of the machine. */
const ServiceSizeSchema = closed({
  name: Type.String(),
  title: Type.String(),
  cpu: Type.Optional(Type.Number({ description: 'Processors.' })),
  memory: Type.Optional(Type.Integer({ description: 'Bytes.' })),
});

/** When it will be put to sleep, because nobody uses it. */
const ServiceRestSchema = closed({
  idleSeconds: Type.Integer({ description: 'How long it may be left alone.' }),
  lastUsedAt: Type.Optional(TimeSchema),
  sleepsAt: Type.Optional(
    Type.Integer({ description: 'Milliseconds since 1970; absent while it is used or does not run.' }),
  ),
  keptUntil: Type.Optional(
    Type.Integer({ description: 'Somebody asked that it stays awake until then; milliseconds since 1970.' }),
  ),
  busyWith: Type.Optional(Type.String({ description: 'What keeps it awake now, in plain words.' })),
});

export const ServiceSchema = closed({
  id: Type.String(),
  name: Type.String(),
  owner: closed({ kind: oneOf('user', 'team'), name: Type.String() }),
  url: Type.String(),
  template: closed({ id: Type.String(), title: Type.String(), version: Type.String() }),
  wish: oneOf('running', 'asleep', 'stopped', 'removed'),
  state: oneOf(...serviceStates),
  since: TimeSchema,
  cause: Type.Optional(CauseSchema),
  steps: Type.Optional(
    Type.Array(ServiceStepSchema, { description: 'Of the start that is under way, or of the last one.' }),
  ),
  size: Type.Optional(ServiceSizeSchema),
  rest: Type.Optional(ServiceRestSchema),
  home: Type.Optional(
    Type.String({
      description:
        'Folder among the files of its owner for what it keeps for itself, where it lies there; it goes to their trash when the service is removed.',
    }),
  ),
  revision: Type.Optional(Type.Integer({ description: 'Grows with each change and each new start.' })),
  newerVersion: Type.Optional(
    Type.String({ description: 'Of its template, to which it can be upgraded; where it is looked at alone.' }),
  ),
  previousVersion: Type.Optional(Type.String({ description: 'To which it can be rolled back.' })),
  createdBy: Type.String(),
  createdAt: TimeSchema,
  canSee: Type.Boolean({ description: 'May know what becomes of it; whom it is shared with may not.' }),
  canView: Type.Boolean({ description: 'May look at it; `canOpen`: may use it.' }),
  canOpen: Type.Boolean(),
  canManage: Type.Boolean(),
  canStop: Type.Boolean(),
  canRemove: Type.Boolean(),
  canShare: Type.Boolean(),
  values: Type.Optional(JsonObjectSchema),
});
export type Service = Static<typeof ServiceSchema>;

/** What its values are checked by: the form of the version it runs, whatever became of its template. */
export const ServiceFormSchema = closed({
  schema: JsonObjectSchema,
  defaults: Type.Optional(JsonObjectSchema),
  sizes: Type.Array(SizeSchema, { description: 'To choose from, smallest first.' }),
});
export type ServiceForm = Static<typeof ServiceFormSchema>;

/** What somebody made reachable in the cluster by hand: Knot did not launch it, so it can be opened and not managed. */
export const AddressSchema = closed({
  id: Type.String(),
  owner: closed({ kind: oneOf('user', 'team'), name: Type.String() }),
  object: Type.String({ description: '`Ingress web`: which object in the namespace of the owner asks for it.' }),
  host: Type.Optional(Type.String({ description: 'As it stands there; absent where it is every host.' })),
  url: Type.Optional(Type.String({ description: 'Where it is reached, of all that were not refused.' })),
  state: oneOf('open', 'waiting', 'refused'),
  reason: Type.Optional(Type.String({ description: 'What it waits for, or why it is refused.' })),
  since: TimeSchema,
  canView: Type.Boolean({ description: 'May look at it; `canOpen`: may use it.' }),
  canOpen: Type.Boolean(),
});
export type Address = Static<typeof AddressSchema>;

export const ServiceListSchema = closed({
  services: Type.Array(ServiceSchema),
  addresses: Type.Optional(
    Type.Array(AddressSchema, { description: 'Where there is a cluster: what was made reachable there by hand.' }),
  ),
});
export type ServiceList = Static<typeof ServiceListSchema>;
export const ServiceQuerySchema = closed({
  owner: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'Only those of one of my owners; `*`: of everybody whose services I may see.',
    }),
  ),
});

export const ObstacleSchema = closed({
  field: Type.String({ description: '`name`, `template`, or `values` with a JSON pointer.' }),
  message: Type.String(),
  remedy: Type.Optional(Type.String()),
  isWait: Type.Optional(
    Type.Boolean({ description: 'It can be launched all the same, and does not run before that is over.' }),
  ),
});
export const LaunchedSchema = closed({
  service: Type.Optional(ServiceSchema),
  obstacles: Type.Array(ObstacleSchema, { description: 'With `dryRun`: why it would not start; empty when it would.' }),
});
export type Launched = Static<typeof LaunchedSchema>;

const seenRevision = Type.Optional(
  Type.Integer({ description: 'The revision that was looked at: what was changed since is not changed (409).' }),
);

export const ServiceChangeSchema = closed({ values: JsonObjectSchema, revision: seenRevision });

export const ServiceExtensionSchema = Type.Union([
  closed({
    hours: Type.Integer({ minimum: 1, maximum: 24, description: 'How much longer than it would be awake by itself.' }),
  }),
  closed({
    until: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: 'Until then, in milliseconds since 1970, as `rest.keptUntil` was before; null takes it back.',
    }),
  }),
]);

export const ServiceUpgradeSchema = closed({
  dryRun: Type.Optional(Type.Boolean({ description: 'Only say what it would change.' })),
  drop: Type.Optional(Type.Boolean({ description: 'Also when something that was chosen does not fit: without it.' })),
  revision: seenRevision,
});

export const ServiceRollbackSchema = closed({
  dryRun: Type.Optional(Type.Boolean({ description: 'Only say what it would change.' })),
  to: Type.Optional(Type.Integer({ minimum: 1, description: 'One of its revisions; without it the one before.' })),
  revision: seenRevision,
});

const DifferenceSchema = closed({
  path: Type.String({ description: 'JSON pointer (RFC 6901) into the values.' }),
  before: Type.Optional(Type.Unknown({ additionalProperties: true })),
  after: Type.Optional(Type.Unknown({ additionalProperties: true })),
  isSecret: Type.Optional(Type.Boolean({ description: 'It is another one, and neither is told.' })),
});

/** What an upgrade or a rollback did, or would do. */
export const ServiceChangedSchema = closed({
  service: Type.Optional(ServiceSchema),
  from: closed({ version: Type.String(), revision: Type.Integer() }),
  to: closed({ version: Type.String() }),
  changes: Type.Array(DifferenceSchema),
  misfits: Type.Array(closed({ path: Type.String(), message: Type.String() }), {
    description: 'What was chosen and the new version does not take.',
  }),
});
export type ServiceChanged = Static<typeof ServiceChangedSchema>;

export const ServiceRevisionsSchema = closed({
  revisions: Type.Array(
    closed({
      revision: Type.Integer(),
      act: oneOf('launched', 'changed', 'upgraded', 'rolled-back'),
      at: TimeSchema,
      actor: Type.String(),
      template: closed({ id: Type.String(), title: Type.String(), version: Type.String() }),
      changes: Type.Array(DifferenceSchema, { description: 'Of the one before it.' }),
    }),
    { description: 'Newest first: what it is now, and what it can go back to. Files are not part of it.' },
  ),
});
export type ServiceRevisions = Static<typeof ServiceRevisionsSchema>;

export const ServiceEventsSchema = closed({
  events: Type.Array(
    closed({
      at: TimeSchema,
      state: oneOf(...serviceStates, 'removed'),
      actor: Type.String(),
      cause: Type.Optional(CauseSchema),
    }),
    { description: 'Newest first.' },
  ),
});
export type ServiceEvents = Static<typeof ServiceEventsSchema>;
const ServiceLogLineSchema = closed({
  n: Type.Integer({ description: 'Number of the line: grows by one, also over restarts.' }),
  at: TimeSchema,
  from: oneOf('out', 'err', 'knot'),
  text: Type.String({
    description:
      'One line as the program wrote it, with escape sequences; `knot`: a note about its life, in plain words.',
  }),
});
export type ServiceLogLine = Static<typeof ServiceLogLineSchema>;

export const ServiceLogsQuerySchema = closed({
  before: Type.Optional(Type.Integer({ minimum: 1, description: 'Older lines than this one.' })),
  after: Type.Optional(Type.Integer({ minimum: 0, description: 'Newer lines than this one.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: '200 without.' })),
  q: Type.Optional(Type.String({ maxLength: 200, description: 'Only lines with this text, whatever its case.' })),
  follow: Type.Optional(Type.String({ maxLength: 5, description: 'Goes on with each new line.' })),
});
export type ServiceLogsQuery = Static<typeof ServiceLogsQuerySchema>;

const beforeOf = Type.Optional(Type.Integer({ description: 'There are older ones, before this line.' }));
export const ServiceLogsSchema = closed({
  lines: Type.Array(ServiceLogLineSchema, { description: 'Oldest first.' }),
  before: beforeOf,
  last: Type.Integer({ description: 'Number of the newest line of all; 0 before the first.' }),
});
/** One message of a stream of output. */
export type ServiceLogFrame = { lines: ServiceLogLine[]; before?: number };
export type ServiceLogs = Static<typeof ServiceLogsSchema>;

export const AmountSchema = closed({
  services: Type.Optional(Type.Integer({ description: 'That run at once.' })),
  cpu: Type.Optional(Type.Number({ description: 'Processors.' })),
  memory: Type.Optional(Type.Integer({ description: 'Bytes.' })),
});
export const SizesQuerySchema = closed({
  owner: Type.Optional(Type.String({ maxLength: 100, description: 'Myself, or a team of mine; myself without.' })),
});
/** What a service of an owner can take: what there is to choose from, and how much of it the owner has and may have. */
export const SizesSchema = closed({
  sizes: Type.Array(ServiceSizeSchema, { description: 'Smallest first; values hold the name.' }),
  held: Type.Required(AmountSchema),
  limits: AmountSchema,
  accelerators: Type.Array(
    closed({
      name: Type.String({ description: '`nvidia.com/gpu`.' }),
      total: Type.Number({ description: 'In the cluster; `free`: those that nobody has now.' }),
      free: Type.Number(),
      limit: Type.Optional(Type.Number({ description: 'How many the plan allows at once.' })),
    }),
    { description: 'What the cluster has beside processors and memory.' },
  ),
});
export type Sizes = Static<typeof SizesSchema>;

export const ServiceMetricsQuerySchema = closed({
  from: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds since 1970; an hour ago without.' })),
  step: Type.Optional(
    Type.Integer({
      minimum: 15,
      maximum: 86_400,
      description: 'Seconds; made longer where it gives more than 1440 points.',
    }),
  ),
});
const Column = (description: string) => Type.Array(Type.Union([Type.Number(), Type.Null()]), { description });
/** As plots take it: columns of one length, null where it did not run. A day is kept. */
export const ServiceMetricsSchema = closed({
  step: Type.Integer({ description: 'Seconds that one point stands for.' }),
  at: Type.Array(TimeSchema, { description: 'Where each point begins.' }),
  cpu: Column('Processors, on average.'),
  memory: Column('Bytes, at most.'),
  requests: Column('How many ended in it.'),
  errors: Column('Of those, answered with 500 and above.'),
  received: Column('Bytes that people sent to it.'),
  sent: Column('Bytes that it sent to people.'),
  limits: closed({ cpu: Type.Optional(Type.Number()), memory: Type.Optional(Type.Integer()) }),
});
export type ServiceMetrics = Static<typeof ServiceMetricsSchema>;

const TerminalSizeSchema = closed({
  columns: Type.Integer({ minimum: 2, maximum: 1000 }),
  rows: Type.Integer({ minimum: 2, maximum: 1000 }),
});
export const TerminalQuerySchema = closed({
  ...TerminalSizeSchema.properties,
  terminal: Type.Optional(Type.String({ maxLength: 100, description: 'One that was left less than a minute ago.' })),
  seen: Type.Optional(Type.Integer({ minimum: 0, description: 'How many bytes of it were shown.' })),
});
export type TerminalQuery = Static<typeof TerminalQuerySchema>;
/** What a page says to a terminal besides what is typed. */
export const TerminalMessageSchema = closed({
  size: Type.Optional(TerminalSizeSchema),
  seen: Type.Optional(Type.Integer({ minimum: 0 })),
  end: Type.Optional(Type.Boolean()),
});
