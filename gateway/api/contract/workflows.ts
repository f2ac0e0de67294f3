import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

const time = (description: string) => Type.Integer({ description: `${description} Epoch milliseconds.` });

export const WorkflowSchema = closed({
  name: Type.String(),
  namespace: Type.String(),
  owner: closed({ kind: oneOf('user', 'team'), name: Type.String() }),
  state: oneOf('Pending', 'Running', 'Succeeded', 'Failed', 'Error'),
  isSuspended: Type.Boolean({ description: 'Somebody has told it to wait.' }),
  isStopping: Type.Boolean({ description: 'Somebody has told it to stop, and it has not ended yet.' }),
  createdAt: time('When it was submitted.'),
  startedAt: Type.Optional(time('When its first step began.')),
  finishedAt: Type.Optional(time('When it ended; absent while it runs.')),
  progress: Type.Optional(
    closed({ done: Type.Integer(), all: Type.Integer() }, 'Steps that are done, and all that are known of.'),
  ),
  message: Type.Optional(Type.String({ description: 'Why it stands as it does, in the words of Argo.' })),
  url: Type.String({ description: 'Its page in Argo.' }),
  acts: Type.Array(oneOf('stop', 'resubmit'), { description: 'What whoever asks may do with it now.' }),
});
export type WorkflowInList = Static<typeof WorkflowSchema>;

export const WorkflowsSchema = closed({
  workflows: Type.Array(WorkflowSchema, { description: 'The newest first.' }),
  url: Type.String({ description: 'The page of all of them in Argo.' }),
});
export type WorkflowList = Static<typeof WorkflowsSchema>;

/** Whose: a person (oneself) or a team that one is in; oneself where it is not said. */
const owner = Type.Optional(
  Type.String({ pattern: '^[a-z][a-z0-9]{0,29}$', description: 'Name of oneself or of a team of one’s own.' }),
);
export const WorkflowsQuerySchema = closed({
  owner,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 10 })),
});
export const WorkflowOwnerQuerySchema = closed({ owner });

/** RFC 1123 subdomains, as the names of Kubernetes' own objects. */
export const WorkflowParamsSchema = closed({
  name: Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' }),
});
