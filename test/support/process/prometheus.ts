import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../eventually.ts';
import { freePort } from '../net/free-port.ts';

export type Prometheus = {
  /** `http://127.0.0.1:PORT` */
  url: string;
  stop(): Promise<void>;
};

const run = promisify(execFile);

/**
 * A real Prometheus on a free port of loopback that holds these samples (OpenMetrics with times, `# EOF` at its end) and scrapes nothing.
 * With CI=true a missing Prometheus is a failure: what is never run there is never tested.
 */
export async function startPrometheus(samples: string): Promise<Prometheus | { skip: string }> {
  if (!['prometheus', 'promtool'].every((name) => existsSync(`/usr/bin/${name}`))) {
    const skip = 'Prometheus is not installed';
    if (process.env['CI'] === 'true') throw new Error(skip);
    return { skip };
  }
  const folder = await mkdtemp(join(tmpdir(), 'knot-prometheus-'));
  const [text, data, config] = ['samples.txt', 'data', 'prometheus.yml'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(text, samples);
  await writeFile(config, '{}\n');
  await run('/usr/bin/promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', text, data]);
  const port = await freePort();
  const child = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=100y',
      '--enable-feature=promql-at-modifier,promql-negative-offset',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], GOMAXPROCS: '2' } },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await eventually(
      () => `Prometheus to be ready: ${said}`,
      async () => {
        if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
        return fetch(`${url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        );
      },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}
