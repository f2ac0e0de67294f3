import { type TSchema, Type } from 'typebox';
import type { Access } from '../context.ts';
import { ApiErrorSchema } from '../contract.ts';

/**
 * What each route says about itself: who may call it, what it is for, what it answers.
 *
 * `scope` is what a personal token must be made for to be used here, with the act of the method; without one no token is
 * taken. What is for admins takes tokens for `admin`. `act`: what a token must be made for where the method does not say it.
 */
export function describe<S extends object>(
  access: Access,
  tag: string,
  summary: string,
  schema: S,
  scope?: string,
  act?: 'read' | 'write',
) {
  const config = { access, ...(scope === undefined ? {} : { scope }), ...(act === undefined ? {} : { act }) };
  return { config, schema: { tags: [tag], summary, ...schema } };
}

/** Success and error answers of a route. A response schema also guarantees that nothing it does not name leaves. */
export const answers = <N extends 200 | 201, T extends TSchema>(status: N, schema: T) =>
  ({ [status]: schema, default: ApiErrorSchema }) as unknown as Record<N, T>;

/** For what answers without a body. */
export const nothing = { 204: Type.Null({ description: 'Done.' }), default: ApiErrorSchema } as {
  204: ReturnType<typeof Type.Null>;
};
