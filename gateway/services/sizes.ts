import {
  isJsonObject,
  type JsonObject,
  type JsonSchema,
  type JsonValue,
  pointerOf,
  schemasBeside,
  valueAt,
} from '../lib/index.ts';
import type { Obstacle } from './refusals.ts';
import type { Size } from './service.ts';

/** A schema that was read has no circles, and leads through no more than this. */
const deepest = 32;

/**
 * The size that values name in the property that the schema says holds one (`x-knot: {from: sizes}`), else the smallest in which the
 * template fits. `sizes`: smallest first. `field`: where in the form the choice is made.
 */
export function chooseSize(
  sizes: readonly Size[],
  { schema, memory, values }: { schema: JsonSchema; memory: number | undefined; values: JsonObject },
): { size: Size; field: string } | { obstacle: Obstacle } {
  const places = [...placesOfSize(schema, schema, 0)];
  // A form may show it at one place or another: the one that holds something was shown.
  const place = places.find((one) => isSomething(valueAt(values, one))) ?? places[0];
  const named = place && valueAt(values, place);
  const field = place === undefined ? 'template' : `values${pointerOf(place)}`;
  if (isSomething(named)) {
    const size = sizes.find(({ name }) => name === named);
    const remedy = `There are ${sizes.map(({ name }) => name).join(', ')}.`;
    if (size === undefined) return { obstacle: { field, message: 'There is no such size.', remedy } };
    if (memory === undefined || size.memory >= memory) return { size, field };
    return {
      obstacle: { field, message: `${size.title} has too little memory for it.`, remedy: 'Choose a larger size.' },
    };
  }
  const size = sizes.find((one) => memory === undefined || one.memory >= memory);
  if (size !== undefined) return { size, field };
  return {
    obstacle: {
      field: 'template',
      message: 'It needs more memory than any size here has.',
      remedy: 'An administrator can add a larger one to services.sizes in knot.yaml.',
    },
  };
}

const isSomething = (value: JsonValue | undefined): boolean => value !== undefined && value !== '';

/** Each place whose property is marked as one that holds a size, however the schema comes to it; by the names that lead there. */
function* placesOfSize(root: JsonSchema, schema: unknown, depth: number): Generator<string[]> {
  if (!isJsonObject(schema) || depth > deepest) return;
  const { properties, 'x-knot': hint } = schema;
  if (depth > 0 && isJsonObject(hint) && hint['from'] === 'sizes') yield [];
  for (const [name, property] of Object.entries(isJsonObject(properties) ? properties : {}))
    for (const below of placesOfSize(root, property, depth + 1)) yield [name, ...below];
  for (const part of schemasBeside(root, schema)) yield* placesOfSize(root, part, depth + 1);
}
