import type { IncomingHttpHeaders } from 'node:http';
import { isCertificateError, type KnotError, knotError, printable } from '../lib/index.ts';
import type { Upstream } from '../routes/index.ts';
import { connect, type Method } from './connection.ts';

/** Asks the API of a tool. Every answer is bounded, and nothing is asked for longer than `timeoutMs`. */
export type Ask = <T = unknown>(method: Method, path: string, options?: AskOptions) => Promise<Answer<T>>;

export type AskOptions = {
  body?: unknown;
  /** Statuses that are an answer beside the successes; all others are errors. */
  also?: readonly number[];
  /** Fields in place of those by which Knot signs in: somebody else asks, or nobody. */
  headers?: Record<string, string>;
};

/** `body` is undefined where the tool answered with nothing, or with something that is not said to be JSON. */
export type Answer<T> = { status: number; body: T; headers: IncomingHttpHeaders };

export type ToolConnection = { ask: Ask; close(): Promise<void> };

const defaultTimeoutMs = 10_000;
/** A page of a hundred things with all that is said of them is less than a tenth of it. */
const mostBytes = 4 * 1024 * 1024;

/**
 * `headers`: how Knot signs in.
 * @throws of `ask`: KNOT_INTEGRATIONS_TOOL_AWAY, KNOT_INTEGRATIONS_TOOL_FORBIDDEN, KNOT_INTEGRATIONS_TOOL_REFUSED
 */
export function connectTool(options: {
  name: string;
  title: string;
  upstream: Upstream;
  headers?: Record<string, string>;
  /** What somebody does whom the tool does not let do something, in place of what Knot's own administrator would do. */
  remedyOfOthers?: string;
  timeoutMs?: number | undefined;
}): ToolConnection {
  const { upstream, timeoutMs = defaultTimeoutMs } = options;
  const { send, close } = connect({ upstream, timeoutMs, mostBytes });
  return {
    async ask<T>(method: Method, path: string, { body, also = [], headers }: AskOptions = {}) {
      const asked = { method, path };
      let status: number, said: unknown, fields: IncomingHttpHeaders;
      try {
        const answer = await send(method, path, { headers: headers ?? options.headers ?? {}, body });
        const { text } = answer;
        status = answer.status;
        fields = answer.headers;
        const isJson = text !== '' && /json/i.test(String(fields['content-type'] ?? ''));
        said = isJson ? JSON.parse(text) : undefined;
      } catch (error) {
        throw away(options, asked, error);
      }
      if ((status >= 200 && status < 300) || also.includes(status)) return { status, body: said as T, headers: fields };
      throw refused(options, { ...asked, status, isKnot: headers === undefined }, wordsOf(said));
    },
    close,
  };
}

type Tool = { name: string; title: string; remedyOfOthers?: string };

/** The field by which a name and a password sign in (RFC 7617). */
export const basicOf = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** The sentence that most APIs say what is wrong in, as it may stand in a line. */
function wordsOf(said: unknown): string {
  const { message, error, errors } = (said ?? {}) as {
    message?: unknown;
    error?: unknown;
    errors?: { message?: unknown }[];
  };
  const ofFirst = Array.isArray(errors) ? errors[0]?.message : undefined;
  const words = [message, error, ofFirst].find((one) => typeof one === 'string');
  return words === undefined ? '' : printable(words).slice(0, 300);
}

function away({ name, title }: Tool, asked: { method: string; path: string }, cause: unknown): KnotError {
  const { message, remedy } = whyAway(cause, { name, title });
  return knotError('KNOT_INTEGRATIONS_TOOL_AWAY', 503, message, { remedy, cause, internal: asked });
}

/** Why a tool that runs elsewhere could not be asked, and what to do; nothing of its address. */
export function whyAway(
  cause: unknown,
  { name, title }: { name: string; title: string },
): { message: string; remedy: string } {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (isCertificateError(code)) {
    return {
      message: `${title} could not prove that it is the right one: Knot does not trust its certificate.`,
      remedy:
        'An administrator has Knot trust who signed it (`ca` beside its `upstream` in knot.yaml), or corrects the name in it.',
    };
  }
  return {
    message: `${title} cannot be reached or does not answer.`,
    remedy: `Try again; if it stays, see whether ${title} runs: knot integrations check ${name}.`,
  };
}

/** What a tool refuses, in its own words where they are about what was asked. */
function refused(
  tool: Tool,
  asked: { method: string; path: string; status: number; isKnot: boolean },
  said: string,
): KnotError {
  const { name, title } = tool;
  const { status, isKnot } = asked;
  const internal = { ...asked, said };
  if (status >= 500) return away(tool, asked, new Error(`${status}: ${said}`));
  if (status === 401 || status === 403) {
    const ofKnot = `See that what \`integrations.${name}\` says of its administrator is right: knot integrations check ${name}.`;
    const remedy = isKnot ? ofKnot : (tool.remedyOfOthers ?? `Open ${title} in Knot once, then try again.`);
    const message = `${title} does not let ${isKnot ? 'Knot' : 'you'} do this.`;
    return knotError('KNOT_INTEGRATIONS_TOOL_FORBIDDEN', 502, message, { remedy, internal });
  }
  const message = `${title} refuses${said === '' ? '' : `: ${said}`} (${status}).`;
  const remedy = `See knot integrations check ${name}, and the log of the gateway.`;
  return knotError('KNOT_INTEGRATIONS_TOOL_REFUSED', 502, message, { remedy, internal });
}
