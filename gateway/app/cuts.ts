import type { Audit } from '../audit/index.ts';
import type { Log } from '../lib/index.ts';
import type { LiveStream } from '../live/index.ts';

/**
 * Writes each stream that was cut because its right ended into the ledger. Best effort: the stream is closed already, and a ledger
 * that cannot be written must not keep the others open.
 */
export function recordCuts(audit: Pick<Audit, 'append'>, log: Log): (stream: LiveStream, reason: string) => void {
  return ({ kind, sessionId, host, username }, reason) => {
    const subject = `session:${sessionId}`;
    const detail = { kind, host, user: username, reason };
    audit
      .append({ action: 'stream.cut', actor: 'system', subject, outcome: 'done', detail })
      .catch((error: unknown) => log.error({ err: error, subject, host }, 'a cut stream is missing in the ledger'));
  };
}
