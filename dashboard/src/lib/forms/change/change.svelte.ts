/** Other values for a service that is there: what was typed, what that changes, and whether it is taken. */
import { servicesApi } from '#lib/api/services.ts';
import type { Service, ServiceForm } from '#lib/contract.ts';
import { FormState } from '#lib/ui/form/form.svelte.ts';
import { ownDraft } from '#lib/ui/form/own.ts';
import { problemIn } from '#lib/api/request.ts';
import { checkValues } from '../../../../../gateway/lib/values/check.ts';
import { differences, masked } from '../../../../../gateway/lib/values/differences.ts';
import { valueProblems } from '../launch/obstacles.ts';
import { plainValues } from '../pointer.ts';
import { TypedValues } from '../typed-values.svelte.ts';

export class Change {
  /** What the gateway refused, while the values are those that it refused. */
  #refused = $state.raw<{ of: string; fields: Record<string, string> }>();
  readonly form: FormState<{ values: string }>;
  readonly typed: TypedValues;
  readonly #service: Service;
  /** What it became by being saved. */
  saved: Service | undefined;

  constructor(service: Service, { schema }: ServiceForm) {
    this.#service = service;
    this.typed = new TypedValues(schema, plainValues(service.values));
    this.form = new FormState<{ values: string }>({
      initial: () => ({ values: this.typed.begunText }),
      send: () => this.#send(),
      draft: ownDraft(`values ${service.id}`),
    });
    this.typed.take(this.form.values.values);
  }

  readonly changes = $derived.by(() => {
    const { begun, wanted, schema } = this.typed;
    return masked(differences(begun, wanted), schema);
  });

  readonly problems = $derived.by(() => {
    const { wanted, schema } = this.typed;
    const refused = this.#refused?.of === JSON.stringify(wanted) ? this.#refused.fields : {};
    const told = Object.entries(refused).map(([field, message]) => ({ field, message }));
    return valueProblems(checkValues(schema, wanted), told);
  });

  readonly canSave = $derived.by(
    () => !this.typed.isYamlBroken && this.changes.length > 0 && this.problems.length === 0,
  );

  async #send(): Promise<void> {
    const { wanted } = this.typed;
    try {
      const { id, revision } = this.#service;
      this.saved = await servicesApi.change(id, { values: wanted, revision });
    } catch (error) {
      this.#refused = { of: JSON.stringify(wanted), fields: problemIn(error).fields ?? {} };
      throw error;
    }
  }
}
