import { isJsonObject, type JsonObject, type JsonSchema, pointerOf, valueAt } from '../lib/index.ts';
import type { Obstacle } from './refusals.ts';
import type { Size } from './service.ts';

/** Sizes are chosen from few; a schema is no deeper than a form can show. */
const deepest = 8;

/**
 * The size that values name in the property that the schema says holds one (`x-knot: {from: sizes}`), else the smallest in which the
 * template fits. `sizes`: smallest first. `field`: where in the form the choice is made.
 */
export function chooseSize(
  sizes: readonly Size[],
  { schema, memory, values }: { schema: JsonSchema; memory: number | undefined; values: JsonObject },
): { size: Size; field: string } | { obstacle: Obstacle } {
  const path = pathOfSize(schema, deepest);
  const named = path && valueAt(values, path);
  const field = path === undefined ? 'template' : `values${pointerOf(path)}`;
  if (named !== undefined && named !== '') {
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

function pathOfSize(schema: JsonSchema, depth: number): string[] | undefined {
  const { properties } = schema;
  if (!isJsonObject(properties) || depth === 0) return undefined;
  for (const [name, property] of Object.entries(properties)) {
    if (!isJsonObject(property)) continue;
    const hint = property['x-knot'];
    if (isJsonObject(hint) && hint['from'] === 'sizes') return [name];
    const below = pathOfSize(property, depth - 1);
    if (below !== undefined) return [name, ...below];
  }
  return undefined;
}
