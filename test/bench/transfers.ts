import type { RunningProxy } from './peers.ts';
import { processorMicroseconds, residentKiB } from './process-facts.ts';
import { runTool } from './servers.ts';

export type Transfer = {
  mebibytesPerSecond: number;
  cpuMicrosecondsPerMebibyte: number;
  /** How much resident memory grew at most while the bytes passed, KiB. */
  grownKiB: number;
};

type Asking = {
  method?: string;
  status?: number;
  /** Hears where the answer says it goes on; '' where it says nothing. */
  onLocation?: (location: string) => void;
};

/**
 * One large body over one HTTP/1.1 connection, with curl. `file` is sent when given, by `method`, and answered with `status`; the answer
 * is thrown away.
 */
export async function transfer(
  proxy: RunningProxy,
  path: string,
  bytes: number,
  file?: string,
  { method = 'POST', status: wanted = 200, onLocation }: Asking = {},
): Promise<Transfer> {
  const url = `https://${proxy.host}:${proxy.port}${path}`;
  const args = [
    ...['--silent', '--show-error', '--fail', '--insecure', '--http1.1', '--output', '/dev/null'],
    ...['--write-out', '%{http_code} %{size_download} %{size_upload} %{time_total} %header{location}'],
    ...['--connect-to', `::127.0.0.1:${proxy.port}`, '-H', `cookie: ${proxy.cookie}`, '-H', 'expect:'],
    ...(file === undefined ? [] : ['-X', method, '-T', file]),
    url,
  ];
  const memoryBefore = residentKiB(proxy.pid);
  let most = memoryBefore;
  const sampler = setInterval(() => (most = Math.max(most, residentKiB(proxy.pid))), 50);
  const cpuBefore = processorMicroseconds(proxy.pid);
  try {
    const output = (await runTool('curl', args, 300_000)).trim().split(' ');
    const [status, down, up, seconds] = output.slice(0, 4).map(Number) as [number, number, number, number];
    if (status !== wanted || Math.max(down, up) < bytes) throw new Error(`the transfer broke: ${output.join(' ')}`);
    onLocation?.(output[4] ?? '');
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
