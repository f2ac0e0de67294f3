/** Other values for a service that is there: what was typed, what that changes, and whether it is taken. */
import { untrack } from 'svelte';
import { servicesApi } from '#lib/api/services.ts';
import type { Service, ServiceForm } from '#lib/contract.ts';
import { FormState } from '#lib/ui/form/form.svelte.ts';
import { ownDraft } from '#lib/ui/form/own.ts';
import { problemIn } from '#lib/api/request.ts';
import { checkValues } from '../../../../../gateway/lib/values/check.ts';
import { differences, masked } from '../../../../../gateway/lib/values/differences.ts';
import { valueProblems } from '../launch/obstacles.ts';
import { textToKeep, valuesKept } from '../kept-values.ts';
import { type JsonObject, plainValues } from '../pointer.ts';
import { activeValues } from '../settle.ts';

export class Change {
  values = $state<JsonObject>({});
  isYamlBroken = $state(false);
  /** What the gateway refused, while the values are those that it refused. */
  #refused = $state.raw<{ of: string; fields: Record<string, string> }>();
  readonly form: FormState<{ values: string }>;
  readonly schema: JsonObject;
  readonly #service: Service;
  readonly #before: JsonObject;
  #text = '';

  constructor(service: Service, { schema }: ServiceForm) {
    this.#service = service;
    this.schema = schema as JsonObject;
    this.#before = plainValues(service.values);
    this.form = new FormState<{ values: string }>({
      initial: () => ({ values: this.#keepable(this.#before) }),
      send: () => this.#send(),
      draft: ownDraft(`values ${service.id}`),
    });
    this.#take(this.form.values.values);
  }

  /** What would be sent. */
  readonly wanted = $derived.by(() => activeValues(this.schema, plainValues(this.values)));

  readonly changes = $derived.by(() => masked(differences(this.#before, this.wanted), this.schema));

  readonly problems = $derived.by(() => {
    const refused = this.#refused?.of === JSON.stringify(this.wanted) ? this.#refused.fields : {};
    const told = Object.entries(refused).map(([field, message]) => ({ field, message }));
    return valueProblems(checkValues(this.schema, this.wanted), told);
  });

  readonly canSave = $derived.by(() => !this.isYamlBroken && this.changes.length > 0 && this.problems.length === 0);

  /** Keeps the draft and the values the same; reads both, for an effect. */
  follow(): void {
    const { values: text } = this.form.values;
    const mine = this.#keepable(plainValues(this.values));
    untrack(() => {
      if (text !== this.#text) {
        if (text !== mine) this.#take(text);
        this.#text = text;
      } else if (mine !== text) this.form.values.values = this.#text = mine;
    });
  }

  async #send(): Promise<void> {
    const { wanted } = this;
    try {
      const { id, revision } = this.#service;
      await servicesApi.change(id, { values: wanted, revision });
    } catch (error) {
      this.#refused = { of: JSON.stringify(wanted), fields: problemIn(error).fields ?? {} };
      throw error;
    }
  }

  #keepable(values: JsonObject): string {
    return textToKeep(this.schema, values);
  }

  #take(text: string): void {
    this.values = valuesKept(this.schema, text, this.#before);
    this.#text = text;
  }
}
