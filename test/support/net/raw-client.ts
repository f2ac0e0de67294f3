import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { patienceMs } from '../eventually.ts';

export type RawAnswer = {
  status: number;
  headers: Map<string, string[]>;
  body: string;
  /** Whether the gateway closed the connection afterwards. */
  isClosed: boolean;
  /** Everything that came, one character per byte. */
  bytes: string;
};

export type RawTarget = { port: number; ca: string; servername?: string };

/** A TLS connection that speaks HTTP/1.1 by hand. */
export async function openRaw({ port, ca, servername = 'localhost' }: RawTarget): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername, ALPNProtocols: ['http/1.1'] });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** The same over a TCP connection that can be reset (RST) under it. */
export async function openResettable({ port, ca, servername = 'localhost' }: RawTarget) {
  const tcp = connectTcp({ port, host: '127.0.0.1' });
  tcp.on('error', () => undefined);
  const socket = connectTls({ socket: tcp, ca, servername, ALPNProtocols: ['http/1.1'] });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => void socket.once('secureConnect', resolve));
  return { socket, reset: () => void tcp.resetAndDestroy() };
}

/** Sends bytes exactly as given (one character per byte) and reads one answer. Status 0: the connection ended without one. */
export async function sendRaw(target: RawTarget, bytes: string, withinMs?: number): Promise<RawAnswer> {
  const socket = await openRaw(target);
  try {
    socket.write(Buffer.from(bytes, 'latin1'));
    return await readAnswer(socket, /^HEAD /.test(bytes), withinMs);
  } finally {
    socket.destroy();
  }
}

/**
 * Reads one answer from a connection; waits for the end of the connection when the answer announces it. With `withinMs`, no answer
 * in that time (a request that is not complete) is status 0 instead of a failure.
 */
export function readAnswer(socket: TLSSocket, isHead = false, withinMs?: number): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    let found: Omit<RawAnswer, 'isClosed' | 'bytes'> | undefined;
    const timer = setTimeout(() => {
      stop();
      if (found) resolve({ ...found, isClosed: false, bytes: text });
      else if (withinMs !== undefined)
        resolve({ status: 0, headers: new Map(), body: '', isClosed: false, bytes: text });
      else reject(new Error(`no complete answer within ${patienceMs} ms: ${JSON.stringify(text.slice(0, 200))}`));
    }, withinMs ?? patienceMs);
    const stop = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      found ??= parseAnswer(text, isHead, false);
      if (found === undefined || found.headers.get('connection')?.[0] === 'close') return;
      stop();
      resolve({ ...found, isClosed: false, bytes: text });
    };
    const onClose = (): void => {
      stop();
      found ??= parseAnswer(text, isHead, true);
      resolve({ ...(found ?? { status: 0, headers: new Map(), body: '' }), isClosed: true, bytes: text });
    };
    socket.on('data', onData).on('close', onClose);
  });
}

function parseAnswer(text: string, isHead: boolean, isEnd: boolean): Omit<RawAnswer, 'isClosed' | 'bytes'> | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [line, ...fields] = text.slice(0, headEnd).split('\r\n');
  const status = Number(line!.split(' ')[1]);
  const rest = text.slice(headEnd + 4);
  if (status === 100 || status === 103) return parseAnswer(rest, isHead, isEnd);
  const headers = new Map<string, string[]>();
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), field.slice(colon + 1).trim()]);
  }
  if (isHead || status === 204 || status === 304 || status === 101) return { status, headers, body: '' };
  const length = headers.get('content-length')?.[0];
  if (length !== undefined) {
    return rest.length >= Number(length) ? { status, headers, body: rest.slice(0, Number(length)) } : undefined;
  }
  if (headers.has('transfer-encoding')) {
    return rest.endsWith('0\r\n\r\n') ? { status, headers, body: rest } : undefined;
  }
  return isEnd ? { status, headers, body: rest } : undefined;
}

export type Http2Answer = { status: number; headers: IncomingHttpHeaders; body: string; isReset: boolean };

/** One request over HTTP/2 with headers exactly as given, pseudo headers included. */
export function sendHttp2(
  { port, ca, servername = 'localhost' }: RawTarget,
  headers: Record<string, string | string[]>,
  body?: string,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, servername });
    const timer = setTimeout(() => finish(new Error('no answer over HTTP/2')), patienceMs);
    const finish = (result: Error | Http2Answer): void => {
      clearTimeout(timer);
      session.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    session.on('error', () => finish({ status: 0, headers: {}, body: '', isReset: true }));
    const stream = session.request(headers, { endStream: body === undefined });
    let answer: IncomingHttpHeaders = {};
    let text = '';
    stream.on('response', (received) => (answer = received));
    stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    stream.on('error', () => finish({ status: 0, headers: {}, body: '', isReset: true }));
    stream.on('end', () =>
      finish({ status: Number(answer[':status'] ?? 0), headers: answer, body: text, isReset: false }),
    );
    if (body !== undefined) stream.end(Buffer.from(body, 'latin1'));
  });
}
