/** Which of the forms that a value may have it has. */
import { checkValues, type ValueProblem } from '../../../../gateway/lib/values/check.ts';
import type { JsonValue } from './pointer.ts';
import { type JsonSchema, wholeOf } from './resolve.ts';

/** What is wrong with a value in one form, by the whole of what the schema says of it. */
export const problemsIn = (form: JsonSchema, value: JsonValue | undefined): ValueProblem[] =>
  checkValues(wholeOf(form), value ?? null);

const fits = (form: JsonSchema, value: JsonValue | undefined): boolean => problemsIn(form, value).length === 0;

/** The first that fits; -1 where none does, or there is no value. */
export const alternativeOf = (forms: readonly JsonSchema[], value: JsonValue | undefined): number =>
  value === undefined ? -1 : forms.findIndex((form) => fits(form, value));

/** Which is shown after a change: whoever fills in the one that was picked keeps it, though it does not fit yet and another does. */
export function pickedNow(
  forms: readonly JsonSchema[],
  change: { value: JsonValue | undefined; picked: number; isFromElsewhere: boolean },
): number {
  const { value, picked, isFromElsewhere } = change;
  const form = forms[picked];
  if (value === undefined || form === undefined) return alternativeOf(forms, value);
  if (!isFromElsewhere || fits(form, value)) return picked;
  const other = alternativeOf(forms, value);
  return other === -1 ? picked : other;
}
