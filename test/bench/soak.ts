import type { WebSocket } from 'ws';
import { sleep } from './generators.ts';
import type { RunningProxy } from './peers.ts';
import { openFiles, residentKiB } from './process-facts.ts';
import { runTool } from './servers.ts';
import { churn, open } from './sockets.ts';
import { transfer } from './transfers.ts';
import type { Upstream } from './upstream.ts';

type Gateways = { files: RunningProxy; echo: RunningProxy };

/**
 * Mixed traffic with churn for minutes: requests over both protocols, downloads, new connections, WebSockets that come and go, some of
 * them reset in the middle. Prints resident memory and open files of both gateways once a minute; afterwards files must be
 * where they began, and memory must not have grown over the second half.
 */
export async function soak(
  gateways: Gateways,
  { minutes, folder, upstream }: { minutes: number; folder: string; upstream: Upstream },
): Promise<boolean> {
  const { files, echo } = gateways;
  await mixture(gateways, 10, folder);
  await sleep(6_000);
  const start = reading(gateways);
  console.log(`start   ${describe(start)}`);
  const readings = [];
  const requestsBefore = await upstream.countRequests();
  for (let minute = 1; minute <= minutes; minute++) {
    await mixture(gateways, 55, folder);
    await sleep(5_000);
    readings.push(reading(gateways));
    console.log(`${String(minute).padStart(2)} min  ${describe(readings.at(-1)!)}`);
  }
  const requests = (await upstream.countRequests()) - requestsBefore;
  // Upstream connections are kept for a while after their last use.
  await sleep(65_000);
  const end = reading(gateways);
  console.log(`end     ${describe(end)}   ${requests} requests`);
  const half = readings.slice(0, Math.ceil(readings.length / 2));
  const mostMemory = Math.max(...half.map(({ resident }) => resident));
  const growth = readings.at(-1)!.resident / mostMemory;
  const isFlat = growth <= 1.1;
  const isClosed = end.files <= start.files + 4;
  console.log(`${isFlat ? 'pass' : 'FAIL'} memory at the end ÷ most in the first half: ${growth.toFixed(2)} (≤ 1.10)`);
  console.log(`${isClosed ? 'pass' : 'FAIL'} open files at the end: ${end.files}, at the start: ${start.files}`);
  return isFlat && isClosed && files.pid !== echo.pid;
}

type Reading = { resident: number; files: number };

function reading({ files, echo }: Gateways): Reading {
  return {
    resident: residentKiB(files.pid) + residentKiB(echo.pid),
    files: openFiles(files.pid) + openFiles(echo.pid),
  };
}

function describe({ resident, files }: Reading): string {
  return `RSS ${(resident / 1024).toFixed(0)} MiB, ${files} open files`;
}

async function mixture({ files, echo }: Gateways, seconds: number, folder: string): Promise<void> {
  const h2load = (protocol: string[], path: string): Promise<string> =>
    runTool(
      'h2load',
      [
        ...protocol,
        ...['-c', '10', '--rps=20', '-D', `${seconds}s`, `--connect-to=127.0.0.1:${files.port}`],
        ...['-H', `cookie: ${files.cookie}`, `https://${files.host}:${files.port}${path}`],
      ],
      (seconds + 30) * 1000,
    );
  await Promise.all([
    h2load(['--h1'], '/1k'),
    h2load([], '/100k'),
    churn(files, seconds, 2),
    repeat(seconds, () => transfer(files, '/128m', 128 * 1024 * 1024)),
    repeat(seconds, () => transfer(echo, '/upload', 128 * 1024 * 1024, `${folder}/files/128m`)),
    repeat(seconds, () => visit(echo)),
  ]);
}

/** Twenty sockets that talk; half say goodbye, half are reset. */
async function visit(proxy: RunningProxy): Promise<void> {
  const sockets: WebSocket[] = await Promise.all(Array.from({ length: 20 }, () => open(proxy)));
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.send(Buffer.alloc(4096));
  }
  await sleep(200);
  sockets.forEach((socket, index) => (index % 2 === 0 ? socket.close() : socket.terminate()));
  await sleep(300);
}

async function repeat(seconds: number, work: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) await work();
}
