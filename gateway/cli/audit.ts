import { knotError } from '../lib/index.ts';
import type { Command } from './command.ts';
import { withFacts } from './facts.ts';

export const auditCommands: readonly Command[] = [
  {
    words: ['audit', 'verify'],
    usage: '',
    summary: 'Recomputes the hash chain of the audit record and names the first broken line.',
    options: {},
    positionals: [0, 0],
    async run(invocation) {
      const result = await withFacts(invocation, ({ audit }) => audit.verify());
      if (!result.isIntact) {
        throw knotError(
          'KNOT_CLI_AUDIT_BROKEN',
          409,
          `The audit record is broken at line ${result.brokenSeq}: ${result.message}`,
          {
            remedy: 'Compare with a backup: somebody changed the database outside Knot.',
          },
        );
      }
      invocation.streams.stdout.write(`${result.count} records, unbroken.\n`);
    },
  },
];
