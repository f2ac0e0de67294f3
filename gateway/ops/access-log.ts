import type { AccessEntry, Log } from '../lib/index.ts';
import { type LineWriter, writeLine } from './log.ts';
import { escapeObeyed } from './redact.ts';

export type AccessLog = (entry: AccessEntry) => void;

/**
 * Writes exactly one line per request. The entry holds no query, cookie or token by type, so over a log of `createLog` it
 * goes past the search for secrets: that search would cost more than the rest of the line, for every request.
 */
export function createAccessLog({ log }: { log: Log | LineWriter }): AccessLog {
  if (!(writeLine in log)) return (entry) => log.info(entry, 'access');
  const write = log[writeLine];
  return (entry) => write('info', accessLine(entry, Date.now()));
}

const longestText = 1000;
const cut = (text: string) => (text.length <= longestText ? text : `${text.slice(0, longestText)}…`);

/** Printable ASCII without the quote and the backslash: the same inside and outside of a JSON string, and obeyed by nobody. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * The entry as a JSON line. Nearly always all its texts are plain, which one search over all of them together says; then they
 * are put between quotes as they are. `JSON.stringify` does the rest, with the same result.
 */
export function accessLine(entry: AccessEntry, time: number): string {
  const { requestId, method, host, path, user, route, verdict, reason, decisionId, traceId, address, protocol } = entry;
  const { status, bytesIn, bytesOut, totalMs, judgeMs, queueMs, connectMs, upstreamMs } = entry;
  const ids = (decisionId ?? '') + (traceId ?? '');
  const texts = requestId + method + host + path + user + route + verdict + reason + ids + address + protocol;
  const times = totalMs + (judgeMs ?? 0) + (queueMs ?? 0) + (connectMs ?? 0) + (upstreamMs ?? 0);
  if (!Number.isFinite(status + bytesIn + bytesOut + times) || texts.length > longestText || !plain.test(texts))
    return slowLine(entry, time);
  return (
    `{"level":"info","time":${time},"requestId":"${requestId}","method":"${method}","host":"${host}","path":"${path}",` +
    `"status":${status},"user":"${user}","route":"${route}","verdict":"${verdict}","reason":"${reason}",` +
    (decisionId === undefined ? '' : `"decisionId":"${decisionId}",`) +
    (traceId === undefined ? '' : `"traceId":"${traceId}",`) +
    `"address":"${address}","protocol":"${protocol}","bytesIn":${bytesIn},"bytesOut":${bytesOut},` +
    `"totalMs":${rounded(totalMs)}${phase('judgeMs', judgeMs)}${phase('queueMs', queueMs)}` +
    `${phase('connectMs', connectMs)}${phase('upstreamMs', upstreamMs)},"msg":"access"}\n`
  );
}

function phase(name: string, ms: number | undefined): string {
  return ms === undefined ? '' : `,"${name}":${rounded(ms)}`;
}

function slowLine(entry: AccessEntry, time: number): string {
  const { requestId, method, host, path, status, user, route, verdict, reason, decisionId, traceId, ...rest } = entry;
  const { address, protocol, bytesIn, bytesOut, totalMs, judgeMs, queueMs, connectMs, upstreamMs, ...none } = rest;
  const ms = (value: number | undefined) => (value === undefined ? undefined : rounded(value));
  // A field that is added to the entry has to be added here and above.
  none satisfies Record<string, never>;
  const line = JSON.stringify({
    ...{ level: 'info', time, requestId, method: cut(method), host: cut(host), path: cut(path), status },
    ...{
      user: cut(user),
      route,
      verdict,
      reason: cut(reason),
      decisionId,
      traceId,
      address,
      protocol,
      bytesIn,
      bytesOut,
    },
    ...{ totalMs: rounded(totalMs), judgeMs: ms(judgeMs), queueMs: ms(queueMs), connectMs: ms(connectMs) },
    upstreamMs: ms(upstreamMs),
    msg: 'access',
  });
  return `${escapeObeyed(line)}\n`;
}

/** Microseconds are as exact as the clock, and short to print. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
