import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Outcome } from './failing-starts.ts';

t.setTimeout(300_000);

t.test(
  'a start that fails at any step closes what it opened before: files, sockets, children and timers',
  { skip: process.platform === 'linux' ? false : 'reads /proc' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'knot-half-open-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const config = {
      data: join(folder, 'data'),
      listen: '127.0.0.1:0',
      ops: '127.0.0.1:0',
      httpListen: '127.0.0.1:0',
      tracing: { endpoint: 'http://127.0.0.1:9' },
      apps: [{ name: 'echo', upstream: 'http://127.0.0.1:9' }],
      integrations: { jupyterhub: { mode: 'managed' } },
      limits: { drainDelayMs: 0, drainMs: 1_000 },
    };
    const file = join(folder, 'knot.yaml');
    writeFileSync(file, JSON.stringify(config));
    // With a Python that is none the hub stays at its first step, and something was started.
    mkdirSync(join(folder, 'no-programs'));
    writeFileSync(join(folder, 'no-programs/python3'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const child = fork(join(import.meta.dirname, 'failing-starts.ts'), [file, folder], {
      env: { PATH: join(folder, 'no-programs') },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const outcomes: Outcome[] = [];
    child.on('message', (outcome: Outcome) => outcomes.push(outcome));
    await once(child, 'exit');
    for (const { failedAt, error, left } of outcomes)
      t.strictSame(
        left,
        [],
        failedAt === undefined ? 'after a start and a stop' : `${failedAt}: ${error?.slice(0, 80)}`,
      );
    t.match(outcomes.at(-1), { failedAt: undefined, error: undefined }, 'the last start had all its statements');
    t.ok(outcomes.length > 20, `${outcomes.length} starts`);
  },
);
