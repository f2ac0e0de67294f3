/** Values of a template while somebody types them: the text that a form keeps of them, and what would be sent. */
import { untrack } from 'svelte';
import { newSecret } from './fields/secret.ts';
import { textToKeep, valuesKept } from './kept-values.ts';
import { type JsonObject, plainValues, setAt, valueAt } from './pointer.ts';
import type { JsonSchema } from './resolve.ts';
import { activeValues } from './settle.ts';

export class TypedValues {
  values = $state<JsonObject>({});
  isYamlBroken = $state(false);
  readonly schema: JsonSchema;
  /** What they are before anybody types. */
  readonly begun: JsonObject;
  /** Where a secret is made when there is none. */
  readonly #made: readonly string[];
  #text = '';

  constructor(schema: JsonSchema, begun: JsonObject, made: readonly string[] = []) {
    this.schema = schema;
    this.begun = begun;
    this.#made = made;
  }

  /** What would be sent. */
  readonly wanted = $derived.by(() => activeValues(this.schema, plainValues(this.values)));

  /** What a form keeps of them at first. */
  get begunText(): string {
    return textToKeep(this.schema, this.begun);
  }

  /** Makes them what a form kept. */
  take(text: string): void {
    const values = valuesKept(this.schema, text, this.begun);
    for (const pointer of this.#made) setAt(values, pointer, valueAt(values, pointer) || newSecret());
    this.values = values;
    this.#text = text;
  }

  /** Keeps them and the text of them in a form the same; reads both, for an effect. */
  follow(fields: { values: string }): void {
    const text = fields.values;
    const mine = textToKeep(this.schema, plainValues(this.values));
    untrack(() => {
      if (text !== this.#text) {
        if (text !== mine) this.take(text);
        this.#text = text;
      } else if (mine !== text) fields.values = this.#text = mine;
    });
  }
}
