import { type Static, type TProperties, Type } from 'typebox';

/** An object that refuses properties it does not know. */
export const closed = <P extends TProperties>(properties: P, description?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(description === undefined ? {} : { description }) });

/** One of several fixed words. */
export const oneOf = <const W extends readonly string[]>(...words: W) =>
  Type.Unsafe<W[number]>({ type: 'string', enum: [...words] });

export const TimeSchema = Type.Integer({ description: 'Milliseconds since 1970-01-01T00:00:00Z.' });

/**
 * What is wrong with one field of what was sent, so that a form can say it there. `field` is the path in the body (or the query), with
 * dots: `redirectUris` or `redirectUris.0`. Every 400 and 409 that is about what was sent names each such field.
 */
export const FieldProblemSchema = closed({
  field: Type.String(),
  message: Type.String({ description: 'A sentence for people.' }),
});
export type FieldProblem = Static<typeof FieldProblemSchema>;

/** The one shape of every error. `code` is stable and listed in gateway/ERRORS.md. */
export const ApiErrorSchema = closed(
  {
    statusCode: Type.Integer(),
    code: Type.String({ description: 'Stable code, KNOT_<MODULE>_<WHAT>.' }),
    message: Type.String({ description: 'A sentence for people.' }),
    remedy: Type.Optional(Type.String({ description: 'What to do next.' })),
    details: Type.Optional(
      Type.Object({ problems: Type.Optional(Type.Array(FieldProblemSchema)) }, { additionalProperties: true }),
    ),
    requestId: Type.String({ description: 'Finds the log line of this request.' }),
  },
  'An error.',
);
export type ApiError = Static<typeof ApiErrorSchema>;

export const IdParamsSchema = closed({ id: Type.String({ minLength: 1, maxLength: 100 }) });

export const TeamRoleSchema = oneOf('member', 'manager');

/** A one-time link made for someone. The address is shown once; only its hash is kept. */
export const NewLinkSchema = closed(
  {
    url: Type.String(),
    expiresAt: TimeSchema,
    isMailed: Type.Boolean({ description: 'Whether it was sent by mail; otherwise pass it on yourself.' }),
  },
  'A one-time link, shown once.',
);
export type NewLink = Static<typeof NewLinkSchema>;

/** One sign-in. */
export const SessionSchema = closed({
  id: Type.String(),
  device: Type.String({ description: 'For example: Chromium on Linux.' }),
  address: Type.String(),
  startedAt: TimeSchema,
  lastSeenAt: TimeSchema,
  expiresAt: TimeSchema,
  hosts: Type.Array(Type.String(), { description: 'Tools opened in this sign-in.' }),
  isCurrent: Type.Boolean({ description: 'Whether it is the one that asks.' }),
});
export type Session = Static<typeof SessionSchema>;

export const SessionListSchema = closed({ sessions: Type.Array(SessionSchema) });
export type SessionList = Static<typeof SessionListSchema>;

export const EndedSchema = closed({
  ended: Type.Integer({ description: 'How many sessions were ended.' }),
  connections: Type.Integer({ description: 'How many connected applications were ended.' }),
});
export type Ended = Static<typeof EndedSchema>;
