import { writeFileSync } from 'node:fs';
import { type SignedIsolationReport, verifyIsolation } from '../app/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Invocation, table } from './command.ts';
import { withFacts } from './facts.ts';

export const verifyCommands: readonly Command[] = [
  {
    words: ['verify', 'isolation'],
    usage: '[--cluster] [--kubeconfig FILE] [--context NAME] [--report FILE] [--json]',
    summary:
      'Makes two people and a team for a moment, tries as them what must fail in the cluster and what must work, and prints a signed report; 1 when anything is otherwise. The kubeconfig is of an administrator of the cluster, who may act as others; by default it is that of the gateway. (--cluster says what is tried: there is nothing else yet.)',
    options: {
      cluster: { type: 'boolean' },
      kubeconfig: { type: 'string' },
      context: { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean' },
    },
    positionals: [0, 0],
    run: verify,
  },
];

async function verify(invocation: Invocation): Promise<void> {
  const { options, streams } = invocation;
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  // Interrupted, it still takes away what it made.
  const interrupted = new AbortController();
  const stop = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const signed = await withFacts(invocation, (facts, config) =>
      verifyIsolation(facts, config, {
        kubeconfig: text('kubeconfig'),
        context: text('context'),
        onProgress: (message) => void streams.stderr.write(`${message}\n`),
        signal: interrupted.signal,
      }),
    );
    const file = text('report');
    if (file !== undefined) writeFileSync(file, `${JSON.stringify(signed)}\n`);
    streams.stdout.write(`${options['json'] === true ? JSON.stringify(signed, null, 2) : printed(signed)}\n`);
    refuse(signed);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

const words = { passed: 'ok', failed: 'FAILED', untried: 'not tried' } as const;

function printed({ report, signature, sha256 }: SignedIsolationReport): string {
  const { results, counts, notes, at, domain, versions } = report;
  const rows = results.map(({ outcome, id, as, expect, title }) => [
    words[outcome],
    id,
    as,
    expect === 'refused' ? 'must fail' : 'must work',
    title,
  ]);
  const bad = results.filter(({ outcome }) => outcome !== 'passed');
  return [
    table([['', 'PROBE', 'AS', '', 'WHAT'], ...rows]),
    '',
    ...bad.map(({ id, detail, outcome }) => `${words[outcome]}: ${id}: ${detail}`),
    ...notes.map((note) => `Note: ${note}`),
    `${domain}, ${at}, Knot ${versions.knot}, Kubernetes ${versions.kubernetes}: ${counts.passed} as it must be, ${counts.failed} otherwise, ${counts.untried} not tried.`,
    `SHA-256 of the report (--report, --json): ${sha256}`,
    `Signature: ${signature}`,
  ].join('\n');
}

function refuse({ report: { counts } }: SignedIsolationReport): void {
  if (counts.failed > 0)
    throw knotError('KNOT_CLI_ISOLATION', 409, `${counts.failed} of the probes came out otherwise than they must.`, {
      remedy: 'Each is named above with what the API server said; look at the protection that it is about.',
    });
  if (counts.untried > 0)
    throw knotError('KNOT_CLI_ISOLATION_UNTRIED', 409, `${counts.untried} of the probes could not be tried.`, {
      remedy: 'Give the kubeconfig of an administrator of the cluster, who may act as others: --kubeconfig.',
    });
}
