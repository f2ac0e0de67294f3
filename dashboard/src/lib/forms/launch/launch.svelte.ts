/** A service that is about to be started: what was typed, whether it would start, and starting it. */
import { untrack } from 'svelte';
import { problemIn } from '#lib/api/request.ts';
import { servicesApi } from '#lib/api/services.ts';
import type { Owner, Service, Template } from '#lib/contract.ts';
import { FormState } from '#lib/ui/form/form.svelte.ts';
import { ownDraft } from '#lib/ui/form/own.ts';
import { isSame } from '../../../../../gateway/lib/values/differences.ts';
import { checkValues, withDefaults } from '../../../../../gateway/lib/values/check.ts';
import { textToKeep, valuesKept } from '../kept-values.ts';
import { type JsonObject, plainValues, setAt, valueAt } from '../pointer.ts';
import { newSecret } from '../fields/secret.ts';
import { activeValues, secretsIn } from '../settle.ts';
import { freeName } from './names.ts';
import { allObstacles, type Obstacle, valueProblems, wordsAt } from './obstacles.ts';

type Fields = { name: string; owner: string; values: string };
const restMs = 400;

export class Launch {
  values = $state<JsonObject>({});
  /** Why it would not start, as the gateway said last; undefined while it did not say yet. */
  obstacles = $state.raw<readonly Obstacle[]>();
  isChecking = $state(false);
  /** The gateway could not say. */
  isUnknown = $state(false);
  isYamlBroken = $state(false);
  hasTried = $state(false);
  readonly form: FormState<Fields>;
  readonly template: Template;
  readonly owners: readonly Owner[];
  started = $state.raw<Service>();
  readonly #secrets: readonly string[];
  readonly #begun: JsonObject;
  #text = '';
  #asked = 0;
  /** What the last answer was about. */
  #about = $state.raw('');

  constructor(template: Template, owners: readonly Owner[], services: readonly Service[]) {
    this.template = template;
    this.owners = owners.filter(({ canLaunch }) => canLaunch);
    this.#secrets = secretsIn(template.schema);
    this.#begun = { ...(structuredClone(template.values) as JsonObject) };
    delete this.#begun['knot'];
    const owner = this.owners[0]?.name ?? '';
    this.form = new FormState<Fields>({
      initial: () => ({
        name: freeName(
          template.name,
          services.filter((service) => service.owner.name === owner).map(({ name }) => name),
        ),
        owner,
        values: this.#keepable(this.#begun),
      }),
      send: (fields) => this.#send(fields),
      draft: ownDraft(`launch ${template.id}`),
    });
    this.#take(this.form.values.values);
  }

  readonly owner = $derived.by(() => this.owners.find(({ name }) => name === this.form.values.owner));

  /** What would be sent. */
  readonly wanted = $derived.by(() => ({
    template: this.template.id,
    name: this.form.values.name,
    owner: this.form.values.owner,
    values: activeValues(this.template.schema, plainValues(this.values)),
  }));

  /** What the schema says of the values: the same check as the gateway's. */
  readonly #own = $derived.by(() =>
    checkValues(this.template.schema, withDefaults(this.template.values as JsonObject, this.wanted.values)),
  );

  /** The gateway's last word is about what stands here now. */
  readonly isCurrent = $derived.by(() => this.#about === JSON.stringify(this.wanted));

  /** By JSON pointer: where the browser and the gateway both know of one, it is said once. */
  readonly problems = $derived.by(() => valueProblems(this.#own, this.isCurrent ? (this.obstacles ?? []) : []));

  /** Those of fields that somebody was at. */
  readonly shownProblems = $derived.by(() =>
    this.problems.filter(
      ({ pointer }) => this.hasTried || !isSame(valueAt(this.values, pointer), valueAt(this.#begun, pointer)),
    ),
  );

  /** Everything that stands in the way. */
  readonly all = $derived.by(() => allObstacles(this.problems, this.isCurrent ? (this.obstacles ?? []) : []));

  obstacleAt(field: string): string | undefined {
    return this.isCurrent ? wordsAt(field, this.obstacles ?? []) : undefined;
  }

  /** It is known that it would not start. */
  readonly isRefused = $derived.by(
    () => this.isYamlBroken || this.#own.length > 0 || (this.isCurrent && (this.obstacles?.length ?? 0) > 0),
  );

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

  /** Asks a moment after the last change; an answer that a later question overtook is not heard. */
  watch(): () => void {
    const { wanted } = this;
    const timer = setTimeout(() => void this.#ask(wanted), restMs);
    return () => clearTimeout(timer);
  }

  async #ask(wanted: Launch['wanted']): Promise<void> {
    const turn = (this.#asked += 1);
    this.isChecking = true;
    try {
      const { obstacles } = await servicesApi.check(wanted);
      if (turn !== this.#asked) return;
      this.obstacles = obstacles;
      this.isUnknown = false;
      this.#about = JSON.stringify(wanted);
    } catch (error) {
      if (turn !== this.#asked) return;
      this.#refuse(error, wanted);
    } finally {
      if (turn === this.#asked) this.isChecking = false;
    }
  }

  /** A refusal names what is wrong; anything else says nothing of whether it would start. */
  #refuse(error: unknown, wanted: Launch['wanted']): void {
    const { status, message, remedy, fields } = problemIn(error);
    if (![400, 403, 422].includes(status)) {
      this.isUnknown = true;
      return;
    }
    const told = Object.entries(fields ?? {}).map(([field, message]): Obstacle => ({ field, message }));
    this.obstacles = told.length > 0 ? told : [{ field: 'owner', message, ...(remedy !== undefined && { remedy }) }];
    this.isUnknown = false;
    this.#about = JSON.stringify(wanted);
  }

  async #send({ name, owner }: Fields): Promise<void> {
    this.hasTried = true;
    const wanted = { ...this.wanted, name, owner };
    try {
      const { service } = await servicesApi.launch(wanted);
      this.started = service;
    } catch (error) {
      this.#asked += 1;
      this.isChecking = false;
      this.#refuse(error, wanted);
      throw error;
    }
  }

  #keepable(values: JsonObject): string {
    return textToKeep(this.template.schema, values);
  }

  #take(text: string): void {
    const values = valuesKept(this.template.schema, text, this.#begun);
    // Made anew: they are never kept.
    for (const pointer of this.#secrets) setAt(values, pointer, valueAt(values, pointer) || newSecret());
    this.values = values;
    this.#text = text;
  }
}
