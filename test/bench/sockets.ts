import { once } from 'node:events';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { type Latency, quantile, sleep } from './generators.ts';
import type { RunningProxy } from './peers.ts';
import { processorMicroseconds, residentKiB } from './process-facts.ts';

/** Connections made by this process itself: WebSockets and bare handshakes. */

export type Echoes = { messages: number; messagesPerSecond: number; cpuMicrosecondsPerMessage: number } & Latency;

/** Every socket sends its next message when the last one came back. */
export async function echo(
  proxy: RunningProxy,
  options: { sockets: number; messageBytes: number; seconds: number },
): Promise<Echoes> {
  const sockets = await Promise.all(Array.from({ length: options.sockets }, () => open(proxy)));
  const message = Buffer.alloc(options.messageBytes, 'x');
  const times: number[] = [];
  let isOn = true;
  for (const socket of sockets) {
    let sentAt = performance.now();
    socket.on('message', () => {
      const now = performance.now();
      times.push(now - sentAt);
      sentAt = now;
      if (isOn) socket.send(message);
    });
    socket.send(message);
  }
  await sleep(300);
  const [firstMessage, cpuBefore, startedAt] = [times.length, processorMicroseconds(proxy.pid), performance.now()];
  await sleep(options.seconds * 1000);
  const cpu = processorMicroseconds(proxy.pid) - cpuBefore;
  const elapsedMs = performance.now() - startedAt;
  const counted = times.slice(firstMessage);
  isOn = false;
  for (const socket of sockets) socket.terminate();
  return {
    messages: counted.length,
    messagesPerSecond: counted.length / (elapsedMs / 1000),
    cpuMicrosecondsPerMessage: cpu / Math.max(1, counted.length),
    p50Ms: quantile(counted, 0.5),
    p99Ms: quantile(counted, 0.99),
  };
}

export type Handshakes = { count: number; perSecond: number; cpuMicrosecondsPerHandshake: number };

/** New connections without resumption, one request each. */
export async function churn(proxy: RunningProxy, seconds: number, lanes = 16): Promise<Handshakes> {
  const end = performance.now() + seconds * 1000;
  const cpuBefore = processorMicroseconds(proxy.pid);
  const startedAt = performance.now();
  let count = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      await oneRequest(proxy, '/1k');
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const elapsedMs = performance.now() - startedAt;
  return {
    count,
    perSecond: count / (elapsedMs / 1000),
    cpuMicrosecondsPerHandshake: (processorMicroseconds(proxy.pid) - cpuBefore) / Math.max(1, count),
  };
}

async function oneRequest(proxy: RunningProxy, path: string): Promise<void> {
  const { port, host, cookie } = proxy;
  const socket = connect({ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false });
  socket.on('secureConnect', () =>
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`),
  );
  let head = '';
  socket.on('data', (chunk: Buffer) => {
    if (head.length < 12) head += chunk.toString('latin1', 0, 12);
  });
  await once(socket, 'close');
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`${proxy.name} answered: ${head || 'nothing'}`);
}

export type Idle = {
  sockets: number;
  /** Resident memory the proxy needs for each, KiB. */
  kibibytesEach: number;
  /** Of a sample of all sockets, whether each still echoes. */
  isAnswering: boolean;
} & Latency;

/** Opens many WebSockets that say nothing, then asks a sample of them, with plain requests beside. */
export async function idle(proxy: RunningProxy, count: number): Promise<Idle> {
  const before = await settledResident(proxy.pid);
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(50, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(proxy)))));
  }
  const after = await settledResident(proxy.pid);
  let answered = 0;
  const sample = sockets.filter((_, index) => index % Math.max(1, Math.floor(count / 200)) === 0);
  for (const socket of sample) {
    const reply = once(socket, 'message', { signal: AbortSignal.timeout(10_000) });
    socket.send('still there?');
    if (String((await reply)[0]) === 'still there?') answered += 1;
  }
  const times: number[] = [];
  for (let index = 0; index < 100; index++) {
    const startedAt = performance.now();
    await oneRequest(proxy, '/plain');
    times.push(performance.now() - startedAt);
  }
  for (const socket of sockets) socket.terminate();
  return {
    sockets: sockets.length,
    kibibytesEach: (after - before) / count,
    isAnswering: answered === sample.length,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

/** The smallest of a few readings, so that a pending garbage collection does not count as need. */
async function settledResident(pid: number): Promise<number> {
  let least = Infinity;
  for (let reading = 0; reading < 8; reading++) {
    least = Math.min(least, residentKiB(pid));
    await sleep(250);
  }
  return least;
}

export async function open(proxy: RunningProxy): Promise<WebSocket> {
  const socket = new WebSocket(`wss://${proxy.host}:${proxy.port}/echo`, {
    rejectUnauthorized: false,
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
    lookup: toLoopback as never,
    origin: `https://${proxy.host}:${proxy.port}`,
    headers: { cookie: proxy.cookie },
  });
  await once(socket, 'open', { signal: AbortSignal.timeout(20_000) });
  return socket;
}

function toLoopback(
  _host: string,
  options: { all?: boolean },
  callback: (error: null, address: unknown, family?: number) => void,
): void {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
}
