import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export type RecordedRequest = {
  /** `GET /x HTTP/1.1`, one character per byte. */
  line: string;
  method: string;
  target: string;
  /** Names in lower case; a repeated field keeps every value. */
  headers: Map<string, string[]>;
  body: string;
};

export type ByteRecorder = {
  port: number;
  requests: RecordedRequest[];
  /** Every byte of every connection, in order of arrival. */
  bytes(): string;
  connections(): number;
  /** Replaces the answer; the default is a 200 with the body `ok`. */
  answerWith(answer: (request: RecordedRequest, socket: Socket) => string | Buffer | undefined): void;
  reset(): void;
  close(): void;
};

const plainAnswer = () => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok';

/** An upstream that believes nothing and repairs nothing: it keeps the bytes, so that a test can compare them with those sent. */
export async function startByteRecorder(): Promise<ByteRecorder> {
  let received = '';
  let connections = 0;
  let answer: (request: RecordedRequest, socket: Socket) => string | Buffer | undefined = plainAnswer;
  const requests: RecordedRequest[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let buffered = '';
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      received += text;
      buffered += text;
      for (;;) {
        const taken = takeRequest(buffered);
        if (taken === undefined) return;
        buffered = buffered.slice(taken.length);
        requests.push(taken.request);
        const reply = answer(taken.request, socket);
        if (reply !== undefined) socket.write(typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    bytes: () => received,
    connections: () => connections,
    answerWith: (next) => void (answer = next),
    reset() {
      received = '';
      requests.length = 0;
      answer = plainAnswer;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function takeRequest(text: string): { request: RecordedRequest; length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [line, ...fields] = text.slice(0, headEnd).split('\r\n');
  const headers = new Map<string, string[]>();
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), field.slice(colon + 1).trim()]);
  }
  const [method, ...rest] = line!.split(' ');
  const target = rest.slice(0, -1).join(' ');
  const bodyAt = headEnd + 4;
  const body = takeBody(text.slice(bodyAt), headers);
  if (body === undefined) return undefined;
  return { request: { line: line!, method: method!, target, headers, body: body.text }, length: bodyAt + body.length };
}

function takeBody(text: string, headers: Map<string, string[]>): { text: string; length: number } | undefined {
  if (headers.has('transfer-encoding')) {
    let at = 0;
    let body = '';
    for (;;) {
      const lineEnd = text.indexOf('\r\n', at);
      if (lineEnd === -1) return undefined;
      const size = Number.parseInt(text.slice(at, lineEnd), 16);
      if (text.length < lineEnd + 4 + size) return undefined;
      if (size === 0) return { text: body, length: lineEnd + 4 };
      body += text.slice(lineEnd + 2, lineEnd + 2 + size);
      at = lineEnd + 4 + size;
    }
  }
  const length = Number(headers.get('content-length')?.[0] ?? 0);
  return text.length < length ? undefined : { text: text.slice(0, length), length };
}
