import pino from 'pino';

/**
 * The last gate before a line is written: fields that carry credentials are masked by name wherever they stand, long texts
 * are cut, deep structures end. Modules should not log such fields at all; this is for the day one does.
 */
const mask = '[redacted]';
const longestText = 2000;
const longestStack = 8000;
const deepest = 6;
const mostItems = 100;

const secretNames =
  /^(set)?cookie$|authorization$|token$|password$|secret$|^(privatejwk|privatekey|codeverifier|assertion)$/;
/** `code` is a one-time code, unless it reads like the code of an error (Node, Knot, SQLSTATE), an exit or a close code. */
const errorCode = /^((KNOT|ERR|FST|UND|HPE|SQLITE|CERT|UNABLE|SELF|DEPTH)_[A-Z0-9_]+|E[A-Z]{2,30}|[0-9A-Z]{5})$/;
const largestPlainCode = 9999;

type Meaning = 'plain' | 'secret' | 'code';

/** Modules log few different names; looking a name up is ten times faster than reading it. */
const meanings = new Map<string, Meaning>();
const mostMeanings = 2000;

function meaningOf(name: string): Meaning {
  const known = meanings.get(name);
  if (known !== undefined) return known;
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '');
  const meaning = plain === 'code' ? 'code' : secretNames.test(plain) ? 'secret' : 'plain';
  if (meanings.size < mostMeanings && name.length <= 100) meanings.set(name, meaning);
  return meaning;
}

function isSecret(name: string, value: unknown): boolean {
  const meaning = meaningOf(name);
  if (meaning === 'plain' || value === null || value === undefined || typeof value === 'boolean') return false;
  if (meaning === 'secret') return true;
  if (typeof value === 'number') return value > largestPlainCode;
  return typeof value !== 'string' || !errorCode.test(value);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}… (${text.length - longest} more)`;
}

function redactValue(name: string, value: unknown, depth: number): unknown {
  if (isSecret(name, value)) return mask;
  if (typeof value === 'string') return cut(value, name === 'stack' ? longestStack : longestText);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return typeof value === 'bigint' ? String(value) : undefined;
  if (depth >= deepest) return '[deeper]';
  if (name === 'req' || name === 'res') return summarise(value);
  if (value instanceof Error) return redactFields(pino.stdSerializers.err(value), depth + 1);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => redactValue('', item, depth + 1));
  return redactFields(value, depth + 1);
}

/** Fastify hands over whole requests and replies: half the process hangs on them, and a query string may carry codes. */
function summarise(value: object): Record<string, unknown> {
  const { method, url, host, statusCode } = value as Record<string, unknown>;
  const path = typeof url === 'string' ? cut(url.split('?', 1)[0] ?? '', longestText) : undefined;
  return { method, host, path, statusCode };
}

/** A copy that is safe to write. Never throws, also not for getters that do. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  let count = 0;
  for (const name of Object.keys(fields)) {
    if (++count > mostItems) break;
    try {
      safe[cut(name, 100)] = redactValue(name, (fields as Record<string, unknown>)[name], depth);
    } catch {
      safe[cut(name, 100)] = '[unreadable]';
    }
  }
  return safe;
}

/**
 * JSON leaves these as they are, but terminals and viewers obey them: C1 controls (0x9b starts an escape sequence), line and
 * paragraph separators, direction marks. In a JSON line they can only stand inside strings, where the escape means the same.
 */
const obeyed = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function escapeObeyed(line: string): string {
  return line.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
