import { createInterface } from 'node:readline';
import { type End, listen } from './relay-end.ts';

/**
 * The end of relays that is inside the namespaces of a node. An order on a line of standard input, `{"id", "from", "to"}`, makes one:
 * whoever connects to `from` talks to `to`. It is answered by `{"id"}` or `{"id", "error"}`.
 */
export type RelayOrder = { id: number; from: End; to: End };

createInterface({ input: process.stdin })
  .on('line', (line) => void obey(JSON.parse(line) as RelayOrder))
  .on('close', () => process.exit());

async function obey({ id, from, to }: RelayOrder): Promise<void> {
  const error = await listen(from, to).then(
    () => undefined,
    (problem: unknown) => String(problem),
  );
  console.log(JSON.stringify({ id, error }));
}
