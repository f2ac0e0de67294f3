import { createRequire } from 'node:module';
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type * as Compiler from 'typebox/compile';
import type * as Values from 'typebox/value';

/**
 * Checking and writing by schema, done at first use: compiling all of them at start took about 150 ms, and most routes are
 * not called for hours.
 */
const require = createRequire(import.meta.url);

type Check = (value: unknown) => ReturnType<ReturnType<FastifySchemaCompiler<TSchema>>>;

/** Bodies are checked as they are: nothing is converted, dropped or filled in. Texts of an address become numbers. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  let check: Check | undefined;
  return (value: unknown) => (check ??= makeCheck(schema, httpPart === 'body'))(value);
};

const compile = (schema: TSchema): Compiler.Validator =>
  (require('typebox/compile') as typeof Compiler).Compile(schema);

function makeCheck(schema: TSchema, isBody: boolean): Check {
  const { Convert } = require('typebox/value') as typeof Values;
  const validator = compile(schema);
  return (value) => {
    const converted = isBody ? value : Convert(schema, value);
    if (validator.Check(converted)) return { value: converted };
    return { error: validator.Errors(converted) as never };
  };
}

/** Whether something is as a schema says. */
export function checkOf<Schema extends TSchema>(schema: Schema): (value: unknown) => value is Static<Schema> {
  let validator: Compiler.Validator | undefined;
  return (value): value is Static<Schema> => (validator ??= compile(schema)).Check(value);
}

/** Writes what the schema of the answer names, and nothing else: the last gate before data leaves. */
export const compileSerializer: FastifySerializerCompiler<TSchema> =
  ({ schema }) =>
  (value: unknown) =>
    JSON.stringify(project(schema, value));

type JsonSchema = {
  /** `true`: plain data of any shape, which somebody else's schema describes. */
  additionalProperties?: unknown;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
};

const isScalar = (value: unknown) => value === null || typeof value !== 'object';

/** A copy with only the named properties. Where the schema does not describe an object, only plain values pass. */
export function project(schema: JsonSchema, value: unknown): unknown {
  const isData = schema.additionalProperties === true && schema.properties === undefined;
  if (isScalar(value) || isData) return value;
  if (Array.isArray(value)) return value.map((item) => project(schema.items ?? {}, item));
  const source = value as Record<string, unknown>;
  if (schema.properties === undefined) {
    return Object.fromEntries(Object.entries(source).filter(([, inner]) => isScalar(inner)));
  }
  const projected: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(schema.properties)) {
    if (Object.hasOwn(source, name) && source[name] !== undefined) projected[name] = project(inner, source[name]);
  }
  return projected;
}
