/** What an answer of the gateway, or none, means for an upload. */
import { problemOf, type Problem } from '#lib/problem.ts';
import type { There } from './model.ts';

export type Outcome =
  | { kind: 'done' }
  /** Nobody answered, or the answer says that it will be better in a moment. */
  | { kind: 'later'; why: 'line' | 'busy' | 'gateway' }
  /** The gateway does not know of it any more: it begins anew. */
  | { kind: 'gone' }
  /** The gateway knows of it although its first answer was lost. */
  | { kind: 'known' }
  | { kind: 'taken'; there?: There | undefined }
  /** What was to be replaced is another one by now. */
  | { kind: 'changed' }
  /** What arrived has another SHA-256 than what was read. */
  | { kind: 'mismatch' }
  | { kind: 'signed-out' }
  /** The file cannot be read any more in this browser. */
  | { kind: 'unreadable' }
  | { kind: 'refused'; problem: Problem };

/** An answer: its status (0: none came) and its body, of a question about something that exists (`HEAD`, `PATCH`) or of the first one (`POST`). */
export function outcomeOf(method: string, status: number, body: string): Outcome {
  const problem = problemOf(status, parsed(body));
  if (status === 0) return { kind: 'later', why: 'line' };
  if (status === 401) return { kind: 'signed-out' };
  if (status === 460) return { kind: 'mismatch' };
  if (status === 404 || status === 410) return method === 'POST' ? { kind: 'refused', problem } : { kind: 'gone' };
  if (status === 412) return { kind: 'changed' };
  if (status === 423 || status === 429) return { kind: 'later', why: 'busy' };
  if (problem.code === 'KNOT_FILES_UPLOAD_KNOWN') return { kind: 'known' };
  if (problem.code === 'KNOT_FILES_TAKEN') return { kind: 'taken', ...thereIn(parsed(body)) };
  // Another offset than was thought: a browser sends a request once more by itself when a connection that was in use breaks.
  if (status === 409 && problem.code === 'UNKNOWN') return { kind: 'later', why: 'line' };
  if (status === 507) return { kind: 'refused', problem: plainly(problem, 'There is no room for it on the disk.') };
  if (status >= 500) return { kind: 'later', why: 'gateway' };
  if (status === 413) return { kind: 'refused', problem: plainly(problem, 'It is larger than one file may be here.') };
  return { kind: 'refused', problem };
}

/** With a sentence where the library of the gateway answered in its own words. */
const plainly = (problem: Problem, message: string): Problem =>
  problem.code === 'UNKNOWN' ? { ...problem, message } : problem;

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function thereIn(answer: unknown): { there?: There } {
  const { details } = (answer ?? {}) as { details?: Partial<There> };
  if (typeof details?.kind !== 'string' || typeof details.etag !== 'string') return {};
  return {
    there: { kind: details.kind, size: details.size ?? 0, modifiedAt: details.modifiedAt ?? 0, etag: details.etag },
  };
}
