/**
 * The one error class of the process. A code is stable, never reused, and listed in `gateway/ERRORS.md` with cause
 * and cure; a test keeps list and code equal both ways.
 */

export type KnotErrorOptions = {
  /** What to do next, one sentence for a person. Shown on pages and in the JSON body. */
  remedy?: string;
  /** Structured facts a client may act on (for example the list of config problems). Leaves the process. */
  details?: Record<string, unknown>;
  /** For the log only; never leaves the process. */
  internal?: Record<string, unknown>;
  cause?: unknown;
  headers?: Record<string, string>;
};

/** `message` of a 4xx leaves the process; of a 5xx it is replaced by "internal error" and an id (see `publicError`). */
export class KnotError extends Error {
  readonly code: string;
  readonly statusCode: number;
  readonly remedy: string | undefined;
  readonly details: Record<string, unknown> | undefined;
  readonly internal: Record<string, unknown> | undefined;
  readonly headers: Record<string, string> | undefined;

  constructor(code: string, statusCode: number, message: string, options: KnotErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KnotError';
    this.code = code;
    this.statusCode = statusCode;
    this.remedy = options.remedy;
    this.details = options.details;
    this.internal = options.internal;
    this.headers = options.headers;
  }
}

/**
 * Makes an error. `code` is `KNOT_<MODULE>_<WHAT>` and must be written as a literal at the call, because the test that
 * compares code and `ERRORS.md` reads the literals.
 */
export function knotError(code: string, statusCode: number, message: string, options?: KnotErrorOptions): KnotError {
  return new KnotError(code, statusCode, message, options);
}

/** The same error with other details: code, status, remedy, headers and what the log is told stay. */
export function withDetails(error: KnotError, details: Record<string, unknown>): KnotError {
  const { code, statusCode, message, remedy, internal, headers } = error;
  return new KnotError(code, statusCode, message, {
    ...(remedy === undefined ? {} : { remedy }),
    ...(internal === undefined ? {} : { internal }),
    ...(headers === undefined ? {} : { headers }),
    details,
    cause: error,
  });
}

export type PublicError = {
  statusCode: number;
  code: string;
  message: string;
  remedy?: string;
  details?: Record<string, unknown>;
  requestId: string;
};

/**
 * What may leave the process about an error: the only place that decides. Known 4xx and deliberate 502/503/504 keep their
 * message; everything else becomes "internal error" plus the request id that the log line carries.
 */
export function publicError(error: unknown, requestId: string): PublicError {
  if (error instanceof KnotError && (error.statusCode < 500 || error.statusCode > 500)) {
    return {
      statusCode: error.statusCode,
      code: error.code,
      message: error.message,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      ...(error.details === undefined ? {} : { details: error.details }),
      requestId,
    };
  }
  const known = fastifyError(error);
  if (known) return { ...known, requestId };
  return {
    statusCode: 500,
    code: 'KNOT_INTERNAL',
    message: 'Internal error. The log of the gateway holds the details under this id.',
    requestId,
  };
}

/** The header fields that belong to an error: those it names itself, and `Retry-After` on every 503 (RFC 9110 section 15.6.4). */
export function errorHeaders(error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof KnotError)) return {};
  return { ...(error.statusCode === 503 && { 'retry-after': '5' }), ...error.headers };
}

/** Fastify's own 4xx (validation, malformed JSON, body too large) are safe to show: they name the client's input only. */
function fastifyError(error: unknown): Omit<PublicError, 'requestId'> | undefined {
  if (!(error instanceof Error)) return undefined;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined;
  return { statusCode, code: typeof code === 'string' ? code : 'KNOT_BAD_REQUEST', message: error.message };
}
