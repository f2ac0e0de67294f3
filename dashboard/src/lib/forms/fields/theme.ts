/**
 * How the form library draws the parts of a schema: values, sections and alternatives by components of this house, lists by its own in
 * the basic theme. Where it has nothing to draw there is the text of the data.
 */
import type { FormState, ResolveFieldType, Theme } from '@sjsf/form';
import { theme as basic } from '@sjsf/basic-theme';
import { optionsOf, typeOf } from '../controls.ts';
import { isJsonObject } from '../pointer.ts';
import type { JsonSchema } from '../resolve.ts';
import AlternativeField from './AlternativeField.svelte';
import DataField from './DataField.svelte';
import ListTemplate from './ListTemplate.svelte';
import ObjectField from './ObjectField.svelte';
import ScalarField from './ScalarField.svelte';

const ours: Record<string, unknown> = {
  stringField: ScalarField,
  objectField: ObjectField,
  unknownField: DataField,
  oneOfField: AlternativeField,
  arrayTemplate: ListTemplate,
};

export const theme = ((type: string, config: never) =>
  ours[type] ?? (basic as (type: string, config: never) => unknown)(type, config)) as unknown as Theme;

/** Which of them a schema gets. */
export const resolver =
  (_form: FormState<unknown>): ResolveFieldType =>
  ({ schema: given }) => {
    const schema = given as JsonSchema;
    const type = typeOf(schema);
    if (optionsOf(schema) !== undefined) return 'stringField';
    if (Array.isArray(schema['oneOf'] ?? schema['anyOf'])) return 'oneOfField';
    if (type === 'array')
      return isJsonObject(schema['items']) && hasFields(schema['items']) ? 'arrayField' : 'unknownField';
    if (isSection(schema)) return 'objectField';
    return type === 'object' || type === undefined || type === 'null' ? 'unknownField' : 'stringField';
  };

const isSection = (schema: JsonSchema): boolean =>
  isJsonObject(schema['properties']) && Object.keys(schema['properties']).length > 0;

/** Whether each item of a list can be a field. */
const hasFields = (items: JsonSchema): boolean =>
  isSection(items) ||
  ['string', 'integer', 'number', 'boolean'].includes(typeOf(items) ?? '') ||
  optionsOf(items) !== undefined;
