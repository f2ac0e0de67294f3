import { type Static, type TSchema, Type } from 'typebox';

/** What the sections of the configuration are made of. */
export const object = <P extends Record<string, TSchema>>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, description });

/** Says what is wrong with the setting at a path of the section. */
export type AddProblem = (path: string, message: string) => void;

/** In a list of the section each name stands once. */
export function checkNames(list: string, named: readonly { name: string }[], add: AddProblem): void {
  const known = new Map<string, number>();
  named.forEach(({ name }, index) => {
    const same = known.get(name);
    if (same !== undefined) add(`${list}[${index}].name`, `"${name}" is taken by ${list}[${same}]`);
    known.set(name, index);
  });
}

/** Tells the secrets in a schema from everything else. */
export const secretMark = 'x-knot-secret';

/** A secret never stands in the file: it is read from another file or from the environment. */
export const SecretReference = Type.Union(
  [
    Type.Object({ fromFile: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    Type.Object({ fromEnv: Type.String({ pattern: '^[A-Z_][A-Z0-9_]*$' }) }, { additionalProperties: false }),
  ],
  { [secretMark]: true, description: 'A secret: {fromFile: PATH} or {fromEnv: NAME}.' },
);

export type SecretSource = Static<typeof SecretReference>;

export const hostPort = '^(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+):([0-9]{1,5})$';
export const httpOrigin = '^https?://(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?/?$';

export const milliseconds = (value: number, description: string) =>
  Type.Integer({ default: value, minimum: 1, maximum: 24 * 3_600_000, description: `${description} Milliseconds.` });
export const count = (value: number, description: string, maximum = 1_000_000) =>
  Type.Integer({ default: value, minimum: 1, maximum, description });

/** Whether the port of an address, if it names one, exists. */
export function hasPort(address: string): boolean {
  const port = /:(\d+)\/?$/.exec(address)?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
}
