import type { TLSSocket } from 'node:tls';
import { patienceMs } from '../../support/eventually.ts';
import { openRaw } from '../../support/net/raw-client.ts';
import type { RecordedRequest } from '../../support/net/byte-recorder.ts';
import type { FuzzClient, FuzzRequest } from './cases.ts';
import { flag, frame, frameType, literalHeaders, openFrames } from '../../support/net/http2-frames.ts';
import type { FuzzHouse } from './house.ts';

/** What was sent, and what must be true of it. */
type Sent = {
  token: string;
  request: FuzzRequest;
  client: FuzzClient;
  target: string;
  isHostile: boolean;
  body: string;
};
type Answer = { status: number; body: string };

let count = 0;
/** Everything that was sent, and the tokens that arrived. */
const recent = new Map<string, Sent>();
const seen = new Set<string>();
const mark = (token: string): string => `T:${token}|`;

/** Lets the clients loose at the same time and throws an Error that says which claim does not hold. */
export async function runCase(house: FuzzHouse, clients: readonly FuzzClient[]): Promise<void> {
  const sent = await Promise.all(
    clients.map((client) => (client.protocol === 'h2' ? runHttp2(house, client) : runHttp1(house, client))),
  );
  // What was brought to life by mistake may arrive after the answer to what it was hidden in.
  if (clients.some(({ hostile }) => hostile !== null)) await new Promise((resolve) => setTimeout(resolve, 5));
  checkReceived(house, sent.flat());
}

function prepare(house: FuzzHouse, client: FuzzClient, request: FuzzRequest, isHostile: boolean): Sent {
  const token = `k${(count++).toString(36)}`;
  const isWhole = isHostile && request.target.length % 5 === 4;
  const target = isWhole ? request.target : `/${token}${request.target}`;
  const { framing } = request;
  const body =
    framing.kind === 'none'
      ? ''
      : framing.kind === 'chunked'
        ? framing.pieces.join('')
        : framing.kind === 'length'
          ? framing.body
          : '';
  // Within the first window of a connection, so that these clients need not follow the gateway's credit.
  const ownSize = client.protocol === 'h2' ? body.replaceAll('LARGE', 'x'.repeat(2_000)) : body;
  return { token, request, client, target, isHostile, body: house.fill(ownSize) };
}

/** The application a plain request is for. */
function appOf(request: FuzzRequest): 'echo' | 'other' {
  return request.host.toLowerCase().startsWith('echo') ? 'echo' : 'other';
}

function isSafe({ method }: FuzzRequest): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function bytesOf(house: FuzzHouse, sent: Sent): string {
  const { request, client, token, target } = sent;
  const app = appOf(request);
  const cookie = house.cookies[client.who][app];
  const lines = [
    `${request.method} ${target} HTTP/1.1`,
    `Host: ${house.fill(request.host)}`,
    `X-Token: ${token}`,
    ...(cookie === '' ? [] : [`Cookie: ${cookie}`]),
    ...(isSafe(request) ? [] : [`Origin: ${house.origins[app]}`]),
    ...request.fields,
  ];
  const { framing } = request;
  let body = '';
  if (framing.kind === 'length') {
    body = sent.body;
    lines.push(`Content-Length: ${body.length}`);
  } else if (framing.kind === 'chunked') {
    const chunks = framing.pieces.map((piece) => house.fill(piece));
    body = `${chunks.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
    lines.push('Transfer-Encoding: chunked');
  } else if (framing.kind === 'broken') {
    body = house.fill(framing.body);
    lines.push(...framing.fields);
  }
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

async function runHttp1(house: FuzzHouse, client: FuzzClient): Promise<Sent[]> {
  const socket = await openRaw(house.raw);
  const reader = readAnswers(socket);
  const plain = client.requests.map((request) => prepare(house, client, request, false));
  try {
    if (client.isPipelined) {
      socket.write(Buffer.from(plain.map((sent) => bytesOf(house, sent)).join(''), 'latin1'));
      for (const sent of plain) checkAnswer(sent, await reader.next(sent.request.method));
    } else {
      for (const sent of plain) {
        socket.write(Buffer.from(bytesOf(house, sent), 'latin1'));
        checkAnswer(sent, await reader.next(sent.request.method));
      }
    }
    if (client.hostile === null) return plain;
    const last = prepare(house, client, client.hostile, true);
    socket.write(Buffer.from(bytesOf(house, last), 'latin1'));
    // Nothing may come at all: the gateway waits for the rest of what looks like the beginning of a body.
    const answer = await reader.next(last.request.method, 150);
    if (answer !== undefined) checkAnswer(last, answer);
    return [...plain, last];
  } finally {
    socket.destroy();
  }
}

async function runHttp2(house: FuzzHouse, client: FuzzClient): Promise<Sent[]> {
  const connection = await openFrames(house.raw);
  const all = client.requests.map((request) => prepare(house, client, request, false));
  if (client.hostile !== null) all.push(prepare(house, client, client.hostile, true));
  all.forEach((sent, index) => {
    const { request, token, target } = sent;
    const app = appOf(request);
    const cookie = house.cookies[client.who][app];
    const fields: [string, string][] = [
      [':method', request.method],
      [':scheme', 'https'],
      [':authority', house.fill(request.host)],
      [':path', target],
      ['x-token', token],
      ...(cookie === '' ? [] : ([['cookie', cookie]] as [string, string][])),
      ...(isSafe(request) ? [] : ([['origin', house.origins[app]]] as [string, string][])),
    ];
    for (const line of [...request.fields, ...(request.framing.kind === 'broken' ? request.framing.fields : [])]) {
      const [name = '', ...value] = line.split(': ');
      const isPlainTe = name.toLowerCase() === 'te' || name.toLowerCase() === 'keep-alive';
      if (sent.isHostile || !isPlainTe) fields.push([sent.isHostile ? name : name.toLowerCase(), value.join(': ')]);
    }
    const stream = 2 * index + 1;
    const body = Buffer.from(sent.body, 'latin1');
    const frames = [
      frame(
        frameType.headers,
        flag.endHeaders | (body.length === 0 ? flag.endStream : 0),
        stream,
        literalHeaders(fields),
      ),
    ];
    for (let at = 0; at < body.length; at += 16_000) {
      const isLast = at + 16_000 >= body.length;
      frames.push(frame(frameType.data, isLast ? flag.endStream : 0, stream, body.subarray(at, at + 16_000)));
    }
    connection.send(...frames);
  });
  const isDone = (stream: number): boolean =>
    connection.received.some(
      (one) =>
        one.stream === stream &&
        (one.type === frameType.reset ||
          ((one.type === frameType.data || one.type === frameType.headers) && (one.flags & flag.endStream) !== 0)),
    );
  const end = Date.now() + 1_500;
  while (!connection.isClosed() && Date.now() < end && !all.every((_sent, index) => isDone(2 * index + 1))) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  all.forEach((sent, index) => {
    const data = connection.received.filter(({ type, stream }) => type === frameType.data && stream === 2 * index + 1);
    const body = Buffer.concat(data.map(({ payload }) => payload)).toString('latin1');
    if (body.includes('T:') || sent.request.method === 'HEAD') checkAnswer(sent, { status: 200, body }, true);
  });
  connection.close();
  return all;
}

/** The answer belongs to the request it follows, and to the person who asked. */
function checkAnswer(sent: Sent, answer: Answer | undefined, isHttp2 = false): void {
  const { token, request, client, isHostile } = sent;
  if (answer === undefined) {
    if (!isHostile) throw new Error(`no answer to ${request.method} ${sent.target}`);
    return;
  }
  const marks = [...answer.body.matchAll(/T:([^|]*)\|U:([^|]*)\|/g)];
  for (const [, itsToken, itsUser] of marks) {
    if (itsToken !== token && !isHostile) throw new Error(`desynchronised: ${token} got the answer to ${itsToken}`);
    if (itsUser !== client.who) throw new Error(`${client.who} got an answer made for ${itsUser}`);
  }
  if (marks.length > 1) throw new Error(`two answers in one: ${answer.body.slice(0, 300)}`);
  if (isHostile || isHttp2) return;
  if (client.who === 'nobody' ? answer.status !== 401 : answer.status !== 200) {
    throw new Error(
      `${request.method} ${sent.target} of ${client.who} got ${answer.status}: ${answer.body.slice(0, 200)}`,
    );
  }
  if (client.who !== 'nobody' && request.method !== 'HEAD' && !answer.body.includes(mark(token))) {
    throw new Error(`the answer to ${token} has lost its mark`);
  }
}

/** What the upstreams got is what was sent: once, whole, to the right one, in the name of the right person. */
function checkReceived(house: FuzzHouse, sent: readonly Sent[]): void {
  for (const one of sent) recent.set(one.token, one);
  // A request of the case before may arrive late, when its client was cut off for something else.
  for (const { app, request } of house.received.splice(0)) {
    // A client may declare the token to be hop-by-hop, and then it ends at the gateway.
    const own =
      recent.get(request.headers.get('x-token')?.[0] ?? '') ??
      sent.find(({ target, request: one }) => target === request.target && declaresTokenHop(one));
    const { token = '' } = own ?? {};
    if (own === undefined) throw new Error(`a request nobody sent: ${describe(request)}`);
    if (seen.has(token)) throw new Error(`one in, two out: ${describe(request)}`);
    seen.add(token);
    if (own.client.who === 'nobody') throw new Error(`nobody got through: ${describe(request)}`);
    if (request.target !== own.target)
      throw new Error(`sent ${JSON.stringify(own.target)}, forwarded ${JSON.stringify(request.target)}`);
    if (request.method !== own.request.method)
      throw new Error(`sent ${own.request.method}, forwarded ${request.method}`);
    if (app !== appOf(own.request)) throw new Error(`sent to ${own.request.host}, forwarded to ${app}`);
    if (own.request.framing.kind !== 'broken' && request.body !== own.body) {
      throw new Error(`the body of ${describe(request)} is not what was sent`);
    }
    const names = request.headers.get('x-knot-user') ?? [];
    if (names.length !== 1 || names[0] !== own.client.who)
      throw new Error(`${own.client.who} became ${names.join(' and ')}`);
    if (request.headers.get('host')?.join() !== `${app}.localhost:${house.raw.port}`)
      throw new Error(`host ${describe(request)}`);
    house.forwarded.set(token, { path: own.target.split('?', 1)[0]!, user: own.client.who, host: `${app}.localhost` });
  }
  for (const { token, isHostile, client, request } of sent) {
    if (client.protocol === 'h1' && !isHostile && client.who !== 'nobody' && !seen.has(token)) {
      throw new Error(`${request.method} ${token} was answered, and never forwarded`);
    }
  }
}

function declaresTokenHop({ fields }: FuzzRequest): boolean {
  return fields.some((field) => /^connection:.*x-token/i.test(field));
}

function describe(request: RecordedRequest): string {
  return JSON.stringify({ line: request.line.slice(0, 200), headers: [...request.headers].slice(0, 30) });
}

/** Takes answers off a connection one by one. */
function readAnswers(socket: TLSSocket) {
  let text = '';
  let isClosed = false;
  let wake: () => void = () => undefined;
  socket.on('data', (data: Buffer) => ((text += data.toString('latin1')), wake()));
  socket.on('close', () => ((isClosed = true), wake()));
  return {
    async next(method: string, withinMs = patienceMs): Promise<Answer | undefined> {
      const end = Date.now() + withinMs;
      for (;;) {
        const taken = takeAnswer(text, method === 'HEAD', isClosed);
        if (taken !== undefined) {
          text = text.slice(taken.length);
          return taken;
        }
        if (isClosed || Date.now() >= end) return undefined;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.max(1, end - Date.now()));
          wake = () => (clearTimeout(timer), resolve());
        });
      }
    },
  };
}

function takeAnswer(text: string, isHead: boolean, isEnd: boolean): (Answer & { length: number }) | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  const at = headEnd + 4;
  if (status === 100 || status === 103) {
    const next = takeAnswer(text.slice(at), isHead, isEnd);
    return next && { ...next, length: next.length + at };
  }
  if (isHead || status === 204 || status === 304) return { status, body: '', length: at };
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  if (length !== undefined) {
    if (text.length < at + Number(length)) return undefined;
    return { status, body: text.slice(at, at + Number(length)), length: at + Number(length) };
  }
  if (!head.includes('transfer-encoding: chunked')) {
    return isEnd ? { status, body: text.slice(at), length: text.length } : undefined;
  }
  let body = '';
  for (let cursor = at; ;) {
    const lineEnd = text.indexOf('\r\n', cursor);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(text.slice(cursor, lineEnd), 16);
    if (text.length < lineEnd + 4 + size) return undefined;
    if (size === 0) return { status, body, length: lineEnd + 4 };
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    cursor = lineEnd + 4 + size;
  }
}
