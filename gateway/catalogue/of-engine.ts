import { type EngineKind, isJsonObject, type JsonObject, type JsonSchema } from '../lib/index.ts';

/**
 * What of a template's values is asked for where services run by this engine. `knot` is filled in at launch and never taken from
 * anybody; a topmost property marked `x-knot: {engine: …}` means something by that engine only (the image of a container).
 */
export function valuesOfEngine(
  { schema, values }: { schema: JsonSchema; values: JsonObject },
  engine: EngineKind,
): { schema: JsonSchema; values: JsonObject } {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const isForeign = (name: string): boolean => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const hint = isJsonObject(property) ? property['x-knot'] : undefined;
    return name === 'knot' || (isJsonObject(hint) && hint['engine'] !== undefined && hint['engine'] !== engine);
  };
  const own = <T>(all: { [name: string]: T }): { [name: string]: T } =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !isForeign(name)));
  const { required } = schema;
  return {
    schema: {
      ...schema,
      ...(isJsonObject(schema['properties']) && { properties: own(properties) }),
      ...(Array.isArray(required) && { required: required.filter((name) => !isForeign(String(name))) }),
    },
    values: own(values),
  };
}
