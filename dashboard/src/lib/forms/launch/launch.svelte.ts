/** A service that is about to be started: what was typed, whether it would start, and starting it. */
import { problemIn } from '#lib/api/request.ts';
import { servicesApi } from '#lib/api/services.ts';
import type { Owner, Service, Template } from '#lib/contract.ts';
import { FormState } from '#lib/ui/form/form.svelte.ts';
import { ownDraft } from '#lib/ui/form/own.ts';
import { isSame } from '../../../../../gateway/lib/values/differences.ts';
import { checkValues, withDefaults } from '../../../../../gateway/lib/values/check.ts';
import { type JsonObject, valueAt } from '../pointer.ts';
import { secretsIn } from '../settle.ts';
import { TypedValues } from '../typed-values.svelte.ts';
import { freeName } from './names.ts';
import { allObstacles, type Obstacle, valueProblems, waitsIn, wordsAt } from './obstacles.ts';

type Fields = { name: string; owner: string; values: string };
const restMs = 400;
/** What could not be said is asked again. */
const againMs = 5000;

export class Launch {
  /** Why it would not start, as the gateway said last; undefined while it did not say yet. */
  obstacles = $state.raw<readonly Obstacle[]>();
  /** What it would wait for, as things were when that was asked. */
  waits = $state.raw<readonly Obstacle[]>([]);
  /** Why the gateway could not say, in words. */
  unknown = $state<string>();
  hasTried = $state(false);
  readonly form: FormState<Fields>;
  readonly template: Template;
  readonly typed: TypedValues;
  readonly owners: readonly Owner[];
  started = $state.raw<Service>();
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the last answer was about. */
  #about = $state.raw('');

  constructor(template: Template, owners: readonly Owner[], services: readonly Service[]) {
    this.template = template;
    this.owners = owners.filter(({ canLaunch }) => canLaunch);
    const { knot: _injected, ...begun } = template.values as JsonObject;
    this.typed = new TypedValues(template.schema, begun, secretsIn(template.schema));
    const owner = this.owners[0]?.name ?? '';
    this.form = new FormState<Fields>({
      initial: () => ({
        name: freeName(
          template.name,
          services.filter((service) => service.owner.name === owner).map(({ name }) => name),
        ),
        owner,
        values: this.typed.begunText,
      }),
      send: (fields) => this.#send(fields),
      draft: ownDraft(`launch ${template.id}`),
    });
    this.typed.take(this.form.values.values);
  }

  readonly owner = $derived.by(() => this.owners.find(({ name }) => name === this.form.values.owner));

  /** What would be sent. */
  readonly wanted = $derived.by(() => ({
    template: this.template.id,
    name: this.form.values.name,
    owner: this.form.values.owner,
    values: this.typed.wanted,
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
      ({ pointer }) =>
        this.hasTried || !isSame(valueAt(this.typed.values, pointer), valueAt(this.typed.begun, pointer)),
    ),
  );

  /** Everything that stands in the way. */
  readonly all = $derived.by(() => allObstacles(this.problems, this.isCurrent ? (this.obstacles ?? []) : []));

  obstacleAt(field: string): string | undefined {
    return this.isCurrent ? wordsAt(field, this.obstacles ?? []) : undefined;
  }

  /** It is known that it would not start. */
  readonly isRefused = $derived.by(
    () => this.typed.isYamlBroken || this.#own.length > 0 || (this.isCurrent && (this.obstacles?.length ?? 0) > 0),
  );

  /** Asks a moment after the last change; an answer that a later question overtook is not heard. */
  watch(): () => void {
    const { wanted } = this;
    this.#askIn(restMs, wanted);
    return () => clearTimeout(this.#timer);
  }

  #askIn(ms: number, wanted: Launch['wanted']): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(wanted), ms);
  }

  async #ask(wanted: Launch['wanted']): Promise<void> {
    const turn = (this.#asked += 1);
    try {
      const { obstacles } = await servicesApi.check(wanted);
      if (turn !== this.#asked) return;
      this.obstacles = obstacles.filter(({ isWait }) => isWait !== true);
      this.waits = waitsIn(obstacles);
      this.unknown = undefined;
      this.#about = JSON.stringify(wanted);
    } catch (error) {
      if (turn !== this.#asked) return;
      this.#refuse(error, wanted);
    }
  }

  /** A refusal names what is wrong; anything else says nothing of whether it would start. */
  #refuse(error: unknown, wanted: Launch['wanted']): void {
    const { status, message, remedy, fields } = problemIn(error);
    if (![400, 403, 422].includes(status)) {
      this.unknown = remedy === undefined ? message : `${message} ${remedy}`;
      this.#askIn(againMs, wanted);
      return;
    }
    const told = Object.entries(fields ?? {}).map(([field, message]): Obstacle => ({ field, message }));
    this.obstacles = told.length > 0 ? told : [{ field: 'owner', message, ...(remedy !== undefined && { remedy }) }];
    this.unknown = undefined;
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
      this.#refuse(error, wanted);
      throw error;
    }
  }
}
