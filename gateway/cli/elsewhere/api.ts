import type { IncomingMessage } from 'node:http';
import { knotError, printable } from '../../lib/index.ts';
import type { Access } from './access.ts';
import { ask, type Asking, jsonOf, openLine } from './ask.ts';

/** The JSON API of a Knot elsewhere, for as long as a command runs. */
export type Api = {
  access: Access;
  /** Resolves with an answer of one of `expected` statuses (any 2xx when none is named), whose body is the caller's. @throws what the Knot refused with */
  call(path: string, asking?: Asking, expected?: readonly number[]): Promise<IncomingMessage>;
  json(path: string, asking?: Asking): Promise<Record<string, unknown>>;
  close(): void;
};

export function openApi(access: Access): Api {
  const line = openLine(access);

  async function call(path: string, asking: Asking = {}, expected: readonly number[] = []): Promise<IncomingMessage> {
    const headers = { ...asking.headers, authorization: `Bearer ${await access.token()}` };
    const answer = await ask(access, line, path, { ...asking, headers });
    const status = answer.statusCode ?? 0;
    if ((status >= 200 && status < 300) || expected.includes(status)) return answer;
    throw refusalOf(access.origin, status, await jsonOf(answer));
  }

  return {
    access,
    call,
    json: async (path, asking = {}) => jsonOf(await call(path, asking)),
    close: () => line.destroy(),
  };
}

/** What a Knot refused with, in its own words: they are for a terminal here. */
function refusalOf(origin: string, status: number, body: Record<string, unknown>) {
  const { code, message, remedy } = body;
  if (typeof code === 'string' && /^KNOT_[A-Z0-9_]{1,60}$/.test(code) && typeof message === 'string') {
    return knotError(code, status, printable(message), typeof remedy === 'string' ? { remedy: printable(remedy) } : {});
  }
  return knotError('KNOT_CLI_REFUSED', status, `${origin} answered with status ${status}.`, {
    remedy: status >= 500 ? 'Try again later.' : 'Check that it is a Knot, and which release it runs.',
  });
}
