import { setImmediate } from 'node:timers/promises';
import { Readable } from 'node:stream';
import type { Audit, AuditFilter, AuditRecord } from '../audit/index.ts';

const pageSize = 500;
const columns = ['record', 'time', 'act', 'by', 'about', 'outcome', 'from', 'detail', 'hash'] as const;

/**
 * The records that fit as comma-separated values (RFC 4180), read a page at a time as the reader takes them: memory stays the same
 * however long the ledger is, and other requests have their turn between pages.
 */
export function auditFile(audit: Pick<Audit, 'list'>, filter: AuditFilter): Readable {
  async function* lines(): AsyncGenerator<string> {
    yield lineWith(columns);
    let before: { beforeSeq?: number } = {};
    for (;;) {
      const records = await audit.list({ ...filter, ...before, limit: pageSize });
      yield records.map(lineOf).join('');
      const last = records.at(-1);
      if (!last || records.length < pageSize) return;
      before = { beforeSeq: last.seq };
      await setImmediate();
    }
  }
  return Readable.from(lines(), { objectMode: false });
}

function lineOf({ seq, at, action, actor, subject, outcome, address = '', detail, hash }: AuditRecord): string {
  const words = [action, actor, subject, outcome, address, detail ? JSON.stringify(detail) : ''];
  return lineWith([String(seq), new Date(at).toISOString(), ...words.map(asText), hash]);
}

const lineWith = (values: readonly string[]): string =>
  `${values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')}\r\n`;

/**
 * What a spreadsheet would compute is made text by a leading apostrophe (OWASP, CSV injection): actors and subjects may be what a
 * stranger typed. The look-alikes of full width count, because some programs fold them first.
 */
const asText = (value: string): string =>
  /^[\s\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/u.test(value) ? `'${value}` : value;
