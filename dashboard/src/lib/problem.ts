/** An answer of the API that is not a success, as sentences for a person. */
export type Problem = {
  /** HTTP status; 0 when nothing answered. */
  status: number;
  code: string;
  message: string;
  remedy?: string;
  /** To quote to an admin; the gateway's log carries the same id. */
  requestId?: string;
  /** What is wrong with a form, at its fields (`details.problems` of the API). */
  fields?: Record<string, string>;
  /** Of a denial: what the page of a tool says, in the same words. */
  heading?: string;
  facts?: Fact[];
};

export type Fact = [label: string, value: string];

const sentences: Record<number, string> = {
  0: 'Knot cannot be reached just now. What you see may be out of date.',
  403: 'This is not allowed for your account.',
  404: 'This does not exist any more, or never did.',
  409: 'Somebody changed this at the same time.',
  413: 'This is more than Knot accepts at once.',
  429: 'That was too often in a short time.',
  502: 'A part of Knot did not answer.',
  503: 'A part of Knot is not ready yet.',
};

const remedies: Record<number, string> = {
  0: 'Check your connection and try again.',
  409: 'Look at the current state and try again.',
  429: 'Wait a minute and try again.',
  503: 'Try again in a moment.',
};

/** Reads `{statusCode, code, message, remedy?, requestId}`; whatever is missing is filled in from the status. */
export function problemOf(status: number, body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const message = textOf(fields.message) ?? sentences[status] ?? `Something unexpected happened (${status}).`;
  const remedy = textOf(fields.remedy) ?? remedies[status];
  const requestId = textOf(fields.requestId);
  return {
    status,
    code: textOf(fields.code) ?? 'UNKNOWN',
    message: asSentence(message),
    ...(remedy === undefined ? {} : { remedy: asSentence(remedy) }),
    ...(requestId === undefined ? {} : { requestId }),
    ...fieldsIn(fields.details),
    ...denialIn(fields.details),
  };
}

function fieldsIn(details: unknown): Pick<Problem, 'fields'> {
  const { problems } = (typeof details === 'object' && details !== null ? details : {}) as { problems?: unknown };
  if (!Array.isArray(problems)) return {};
  const told = problems.flatMap((problem): [string, string][] => {
    const { field, message } = (problem ?? {}) as { field?: unknown; message?: unknown };
    const text = textOf(message);
    return typeof field === 'string' && text !== undefined ? [[field, asSentence(text)]] : [];
  });
  return { fields: Object.fromEntries(told) };
}

/** Whether a form shows everything that is wrong at its own fields, so that nothing is left to be said below. */
export function isAtFields(problem: Problem, shown: readonly string[]): boolean {
  const wrong = Object.keys(problem.fields ?? {});
  return wrong.length > 0 && wrong.every((field) => shown.includes(field));
}

function denialIn(details: unknown): Pick<Problem, 'heading' | 'facts'> {
  const { heading, facts } = (typeof details === 'object' && details !== null ? details : {}) as Record<
    string,
    unknown
  >;
  const title = textOf(heading);
  if (title === undefined || !Array.isArray(facts)) return {};
  const isFact = (fact: unknown): fact is Fact =>
    Array.isArray(fact) && fact.length === 2 && fact.every((part) => typeof part === 'string');
  return { heading: title, facts: facts.filter(isFact) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** First letter large, full stop at the end. */
export function asSentence(text: string): string {
  const trimmed = text.trim();
  const start = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
