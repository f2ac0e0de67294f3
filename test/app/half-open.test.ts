import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openFacts } from '../../gateway/app/facts.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { openStore, type Store } from '../../gateway/store/index.ts';
import { configWith } from '../support/house/facts.ts';
import { openFake } from '../support/kube/open.ts';
import type { Outcome } from './failing-starts.ts';

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
    // With a cluster, a registry and Prometheus: what is done beside people's requests.
    const { kubeconfig } = await openFake(t);
    const admin = join(folder, 'harbor');
    writeFileSync(admin, 'a password');
    const nowhere = { upstream: 'http://127.0.0.1:9' };
    const whole = {
      ...config,
      data: join(folder, 'whole'),
      engine: 'kubernetes',
      kubernetes: { kubeconfig, admission: { listen: '127.0.0.1:0' } },
      integrations: {
        jupyterhub: { mode: 'off' },
        harbor: { ...nowhere, admin: { fromFile: admin } },
        prometheus: nowhere,
      },
    };
    const wholeFile = join(folder, 'whole.yaml');
    writeFileSync(wholeFile, JSON.stringify(whole));
    // With a Python that is none the hub stays at its first step, and something was started.
    mkdirSync(join(folder, 'no-programs'));
    writeFileSync(join(folder, 'no-programs/python3'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const child = fork(join(import.meta.dirname, 'failing-starts.ts'), [file, folder, wholeFile], {
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

t.test('facts that are closed hear nothing of their store any more', async (t) => {
  const clock = createManualClock();
  const store = await openStore({ url: 'sqlite::memory:', clock, log: silentLog });
  const hears = new Set<string>();
  const heard = (of: string, stop: () => void) => {
    const one = `${of} ${new Error().stack
      ?.split('\n')
      .find((line) => !/half-open|^Error/.test(line))
      ?.trim()}`;
    hears.add(one);
    return () => (stop(), void hears.delete(one));
  };
  const watched: Store = {
    ...store,
    onChange: (topic, listener) => heard(topic, store.onChange(topic, listener)),
    onGap: (listener) => heard('gap', store.onGap(listener)),
  };
  const facts = await openFacts(configWith(), { clock, log: silentLog, store: watched });
  t.ok(hears.size > 10, `${hears.size} places`);
  await facts.close();
  // Accounts have no end of their own: they go with the store.
  t.strictSame(
    [...hears].filter((one) => !one.includes('/gateway/accounts/')),
    [],
  );
});
