/** What a form holds: values, what was refused at which field, whether it is being sent, and a draft that survives a reload. */
import { getContext, setContext } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import { problemIn } from '#lib/api/request.ts';
import { isAtFields, type Problem } from '#lib/problem.ts';
import { draftOf, forgetDraft, forgetDrafts, keepDraft } from './drafts.ts';

export type FormOptions<V extends Values> = {
  initial: () => V;
  /** Sends it; what it throws is shown, at the fields it names where the form has them. */
  send: (values: V) => Promise<unknown>;
  /** Under which name the person's draft is kept; without it leaving asks first. */
  draft?: { form: string; person: string };
  /** Fields that are never kept. */
  secrets?: readonly (keyof V & string)[];
};

type Values = Record<string, string | boolean>;

export class FormState<V extends Values> {
  values = $state() as V;
  problem = $state.raw<Problem>();
  isBusy = $state(false);
  /** A draft of before fills the fields. */
  isRestored = $state(false);
  readonly #options: FormOptions<V>;
  readonly #fields = new SvelteSet<string>();
  #refused = $state.raw<Partial<V>>({});
  #untouched = $state.raw() as V;

  constructor(options: FormOptions<V>) {
    this.#options = options;
    this.#start();
    const { draft } = options;
    if (!draft) return;
    forgetDrafts(draft.person);
    const kept = draftOf(draft.person, draft.form, this.#untouched);
    if (kept) Object.assign(this.values, kept);
    this.isRestored = kept !== undefined;
  }

  readonly isDirty: boolean = $derived.by(() =>
    Object.entries(this.values).some(([name, value]) => value !== this.#untouched[name]),
  );

  /** Whether leaving now would lose something that is not kept. */
  get isAtRisk(): boolean {
    if (!this.isDirty || this.isBusy) return false;
    const { draft, secrets = [] } = this.#options;
    return !draft || secrets.some((name) => this.values[name] !== this.#untouched[name]);
  }

  /** A field of this name shows what is wrong with it. */
  shows(name: string): () => void {
    this.#fields.add(name);
    return () => this.#fields.delete(name);
  }

  /** What was refused about a field, until it is changed. Parts of it (`redirectUris.0`) are told at it. */
  problemOf(name: string): string | undefined {
    if (this.values[name] !== this.#refused[name]) return undefined;
    const told = Object.entries(this.problem?.fields ?? {}).filter(
      ([field]) => field === name || field.startsWith(`${name}.`),
    );
    return told.length === 0 ? undefined : told.map(([, message]) => message).join(' ');
  }

  /** What is not said at any field. */
  get rest(): Problem | undefined {
    const { problem } = this;
    if (!problem) return undefined;
    const parts = Object.keys(problem.fields ?? {}).filter((field) => this.#fields.has(field.split('.')[0]!));
    return isAtFields(problem, parts) ? undefined : problem;
  }

  /** Sends it once, however often it is asked for. True when it was taken. */
  async submit(): Promise<boolean> {
    if (this.isBusy) return false;
    this.isBusy = true;
    this.problem = undefined;
    const sent = $state.snapshot(this.values) as V;
    try {
      await this.#options.send(sent);
      this.discard();
      return true;
    } catch (error) {
      this.#refused = sent;
      this.problem = problemIn(error);
      return false;
    } finally {
      this.isBusy = false;
    }
  }

  /** Back to the beginning, without a draft. */
  discard(): void {
    const { draft } = this.#options;
    if (draft) forgetDraft(draft.person, draft.form);
    this.#start();
  }

  /** Keeps what is typed; reads every value, so that an effect runs again at each change. */
  keep(): void {
    const { draft, secrets = [] } = this.#options;
    const values = $state.snapshot(this.values) as V;
    if (!draft) return;
    if (!this.isDirty) return forgetDraft(draft.person, draft.form);
    keepDraft(
      draft.person,
      draft.form,
      Object.fromEntries(Object.entries(values).filter(([name]) => !secrets.includes(name))),
    );
  }

  #start(): void {
    this.#untouched = this.#options.initial();
    this.values = { ...this.#untouched };
    this.problem = undefined;
    this.isRestored = false;
    this.#refused = {};
  }
}

/** What the frame of a form and its fields need of it, whatever its values are. */
export type AnyForm = Pick<
  FormState<Values>,
  'shows' | 'problemOf' | 'rest' | 'isAtRisk' | 'isBusy' | 'isRestored' | 'submit' | 'discard' | 'keep'
>;

const key = Symbol('form');

export const provideForm = (form: AnyForm): unknown => setContext(key, form);

/** Whether a control stands in a form under this name, and what was refused about it there. Called while the control is made. */
export function fieldNamed(name: string | null | undefined): {
  isInForm: boolean;
  readonly problem: string | undefined;
} {
  const form = name ? getContext<AnyForm | undefined>(key) : undefined;
  $effect(() => (name ? form?.shows(name) : undefined));
  return {
    isInForm: form !== undefined,
    get problem() {
      return name ? form?.problemOf(name) : undefined;
    },
  };
}
