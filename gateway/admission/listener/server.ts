import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Histogram, Registry } from 'prom-client';
import { knotError, type Log } from '../../lib/index.ts';
import type { Grant } from '../grant.ts';
import { answerReview, readReview, type ReviewAnswer, type ReviewRequest } from '../review.ts';
import { podsPath } from './registration.ts';

/** What is given to the pods of a namespace; undefined where it belongs to nobody that Knot knows. */
export type FindGrant = (namespace: string) => Promise<Grant | undefined>;

/** Who may call: holders of a certificate of this authority (PEM), of one of these common names where there are any. */
export type Callers = { ca: string; names: readonly string[] };

export type AdmissionServer = {
  port: number;
  /** Puts another certificate, and other callers, in force for connections from now on. */
  swap(pair: { cert: string; key: string }, callers: Callers | undefined): void;
  /** Prometheus text. */
  metrics(): Promise<string>;
  close(): Promise<void>;
};

/** As much as the API server itself takes for one object (`MaxRequestBodyBytes`). */
const mostBytes = 3 * 1024 * 1024;
const mostConnections = 256;

/**
 * The listener that the API server asks about pods. It is no part of the gateway's web server: it has one path, its own certificate,
 * and where `callers` are given nobody else gets as far as a request.
 * @throws KNOT_ADMISSION_LISTEN
 */
export async function openServer(options: {
  listen: { host: string; port: number };
  pair: { cert: string; key: string };
  callers: Callers | undefined;
  findGrant: FindGrant;
  log: Log;
}): Promise<AdmissionServer> {
  const { listen, findGrant, log } = options;
  let { callers } = options;
  const registry = new Registry();
  const seconds = new Histogram({
    name: 'knot_admission_seconds',
    help: 'Time from the head of a question of the API server to its answer.',
    labelNames: ['answer'] as const,
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5],
    registers: [registry],
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const stop = seconds.startTimer();
    try {
      const review = await questionIn(request);
      const answered = await judge(review);
      stop({ answer: answered.response.allowed ? 'allowed' : 'refused' });
      send(response, 200, answered);
    } catch (error) {
      stop({ answer: 'failed' });
      const status = error instanceof Unanswerable ? error.status : 500;
      if (status === 500) log.error({ err: error }, 'a question of the API server could not be answered');
      // What was not read to its end cannot be followed by another request.
      if (!request.complete) response.setHeader('connection', 'close');
      send(response, status, { message: error instanceof Unanswerable ? error.message : 'internal error' });
    }
  }

  async function judge(review: ReviewRequest): Promise<ReviewAnswer> {
    try {
      return answerReview(review, await findGrant(review.namespace));
    } catch (error) {
      log.error({ err: error, namespace: review.namespace }, 'whose a namespace is could not be found out');
      const message = 'Knot cannot tell at this moment which files this pod gets. It is tried again.';
      return {
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid: review.uid, allowed: false, status: { code: 503, message } },
      };
    }
  }

  const tlsOf = ({ cert, key }: { cert: string; key: string }, from: Callers | undefined) => ({
    ...{ cert, key, minVersion: 'TLSv1.2' as const },
    ...(from && { ca: from.ca }),
  });
  const server = createServer(
    {
      ...tlsOf(options.pair, callers),
      requestCert: callers !== undefined,
      rejectUnauthorized: callers !== undefined,
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 90_000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = mostConnections;
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => undefined);
    if (callers === undefined || callers.names.length === 0) return;
    const name = socket.getPeerCertificate().subject?.CN;
    if (typeof name === 'string' && callers.names.includes(name)) return;
    log.warn({ name }, 'somebody called who may not ask about pods');
    socket.destroy();
  });
  // Whoever has no certificate of ours; a line for each would be theirs to write.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  await listening(server, listen);
  server.on('error', (error) => log.error({ err: error }, 'the listener for admission failed'));

  return {
    port: (server.address() as AddressInfo).port,
    swap(pair, from) {
      callers = from;
      server.setSecureContext(tlsOf(pair, from));
    },
    metrics: () => registry.metrics(),
    async close() {
      const closed = new Promise((resolve) => void server.close(resolve));
      server.closeIdleConnections();
      // An answer takes milliseconds; a caller that keeps a question back is not waited for.
      const cut = setTimeout(() => server.closeAllConnections(), 2_000).unref();
      await closed;
      clearTimeout(cut);
    },
  };
}

/** A request that is no question of the API server: its status, and why. */
class Unanswerable extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function questionIn(request: IncomingMessage): Promise<ReviewRequest> {
  if (request.url?.split('?')[0] !== podsPath) throw new Unanswerable(404, 'There is nothing here.');
  if (request.method !== 'POST') throw new Unanswerable(405, 'Only POST.');
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) throw new Unanswerable(415, 'Only JSON.');
  const tooLarge = new Unanswerable(413, `A question has ${mostBytes} bytes at most.`);
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > mostBytes) throw tooLarge;
    parts.push(part);
  }
  let found: unknown;
  try {
    found = JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw new Unanswerable(400, 'This is no JSON.');
  }
  const review = readReview(found);
  if (review === undefined) throw new Unanswerable(400, 'This is no AdmissionReview of admission.k8s.io/v1.');
  return review;
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  await new Promise<void>((done, fail) => {
    const onError = (error: NodeJS.ErrnoException) =>
      fail(
        knotError(
          'KNOT_ADMISSION_LISTEN',
          500,
          `The gateway cannot listen on ${host}:${port} for admission (${error.code}).`,
          {
            cause: error,
            remedy: 'Choose another address: kubernetes.admission.listen.',
          },
        ),
      );
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      done();
    });
  });
}
