import type { RunningProxy } from './peers.ts';
import { processorMicroseconds, residentKiB } from './process-facts.ts';
import { runTool } from './servers.ts';

export type Transfer = {
  mebibytesPerSecond: number;
  cpuMicrosecondsPerMebibyte: number;
  /** How much resident memory grew at most while the bytes passed, KiB. */
  grownKiB: number;
};

/** One large body over one HTTP/1.1 connection, with curl. `file` is sent when given; the answer is thrown away. */
export async function transfer(proxy: RunningProxy, path: string, bytes: number, file?: string): Promise<Transfer> {
  const url = `https://${proxy.host}:${proxy.port}${path}`;
  const args = [
    ...['--silent', '--show-error', '--fail', '--insecure', '--http1.1', '--output', '/dev/null'],
    ...['--write-out', '%{http_code} %{size_download} %{size_upload} %{time_total}'],
    ...['--connect-to', `::127.0.0.1:${proxy.port}`, '-H', `cookie: ${proxy.cookie}`, '-H', 'expect:'],
    ...(file === undefined ? [] : ['-X', 'POST', '-T', file]),
    url,
  ];
  const memoryBefore = residentKiB(proxy.pid);
  let most = memoryBefore;
  const sampler = setInterval(() => (most = Math.max(most, residentKiB(proxy.pid))), 50);
  const cpuBefore = processorMicroseconds(proxy.pid);
  try {
    const output = (await runTool('curl', args, 120_000)).trim().split(' ').map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const [status, down, up, seconds] = output;
    if (status !== 200 || Math.max(down, up) < bytes) throw new Error(`the transfer broke: ${output.join(' ')}`);
    const mebibytes = bytes / (1024 * 1024);
    const cpu = processorMicroseconds(proxy.pid) - cpuBefore;
    return {
      mebibytesPerSecond: mebibytes / seconds,
      cpuMicrosecondsPerMebibyte: cpu / mebibytes,
      grownKiB: most - memoryBefore,
    };
  } finally {
    clearInterval(sampler);
  }
}
