import * as grpc from '@grpc/grpc-js';
import t from 'tap';
import { sendHttp2 } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

const same = (bytes: Buffer): Buffer => bytes;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/echo.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

const service = {
  unary: method('Unary', false, false),
  download: method('Download', false, true),
  upload: method('Upload', true, false),
  talk: method('Talk', true, true),
  refuse: method('Refuse', false, false),
  refuseUpload: method('RefuseUpload', true, false),
};

type Fact = { name: string; value: string | undefined };

/** A gRPC service that gives back what it gets, and tells what it saw of the call. */
async function startEcho(): Promise<{ port: number; seen: Fact[]; cancelled: () => number; stop: () => void }> {
  const seen: Fact[] = [];
  let cancelled = 0;
  const server = new grpc.Server();
  const note = (call: { metadata: grpc.Metadata }): void => {
    for (const name of ['x-knot-user', 'x-knot-assertion', 'cookie', 'x-own']) {
      seen.push({ name, value: call.metadata.get(name)[0]?.toString() });
    }
  };
  server.addService(service, {
    unary(call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      note(call);
      const trailer = new grpc.Metadata();
      trailer.set('x-trailer', 'end');
      done(null, call.request, trailer);
    },
    download(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      const count = Number(call.request.toString());
      const chunk = Buffer.alloc(64 * 1024, 'a');
      let sent = 0;
      const more = (): void => {
        while (sent < count) {
          sent += 1;
          if (!call.write(chunk)) return void call.once('drain', more);
        }
        call.end();
      };
      more();
    },
    upload(call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      let length = 0;
      call.on('data', (chunk: Buffer) => (length += chunk.length));
      call.on('end', () => done(null, Buffer.from(String(length))));
    },
    talk(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (chunk: Buffer) => call.write(Buffer.from(`re: ${chunk.toString()}`)));
      call.on('end', () => call.end());
      call.on('cancelled', () => (cancelled += 1));
    },
    refuse(_call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      const metadata = new grpc.Metadata();
      metadata.set('x-why', 'because');
      done({ code: grpc.status.NOT_FOUND, details: 'no such thing', metadata });
    },
    refuseUpload(_call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      done({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'enough' });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, seen, cancelled: () => cancelled, stop: () => server.forceShutdown() };
}

t.test('gRPC passes an upstream that speaks HTTP/2', async (t) => {
  const echo = await startEcho();
  t.teardown(() => echo.stop());
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, port: echo.port, http2: true } }),
  });
  const { cookie, sessionId } = await gateway.signIn();
  const Client = grpc.makeGenericClientConstructor(service, 'Echo');
  const client = new Client(`127.0.0.1:${gateway.port}`, grpc.credentials.createSsl(Buffer.from(gateway.raw.ca)), {
    'grpc.ssl_target_name_override': 'echo.localhost',
    'grpc.default_authority': `echo.localhost:${gateway.port}`,
  }) as unknown as Record<keyof typeof service, (...facts: unknown[]) => never> & grpc.Client;
  t.teardown(() => client.close());
  const signedIn = new grpc.Metadata();
  signedIn.set('cookie', cookie);
  signedIn.set('x-own', 'mine');

  const ask = (name: 'unary' | 'refuse', metadata: grpc.Metadata) =>
    new Promise<{ error: grpc.ServiceError | null; value: Buffer | undefined; trailers: grpc.Metadata }>((resolve) => {
      let ended: { error: grpc.ServiceError | null; value: Buffer | undefined } | undefined;
      const call = client[name](Buffer.from('hello'), metadata, (error: grpc.ServiceError | null, value?: Buffer) => {
        ended = { error, value };
      }) as grpc.ClientUnaryCall;
      call.on('status', ({ metadata: trailers }) => setImmediate(() => resolve({ ...ended!, trailers })));
    });

  await t.test('unary, with metadata there and trailers back', async (t) => {
    const { error, value, trailers } = await ask('unary', signedIn);
    t.equal(error, null);
    t.equal(value?.toString(), 'hello');
    t.same(trailers.get('x-trailer'), ['end']);
    const seen = Object.fromEntries(echo.seen.map((fact) => [fact.name, fact.value]));
    t.equal(seen['x-knot-user'], 'ann');
    t.match(seen['x-knot-assertion'], /^ey/);
    t.equal(seen['cookie'], undefined, 'the session stays here');
    t.equal(seen['x-own'], 'mine');
  });

  await t.test('a server that streams 16 MiB', async (t) => {
    const call = client.download(Buffer.from('256'), signedIn) as grpc.ClientReadableStream<Buffer>;
    let length = 0;
    call.on('data', (chunk: Buffer) => (length += chunk.length));
    const status = await new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
    t.equal(status.code, 0);
    t.equal(length, 256 * 64 * 1024);
  });

  await t.test('a client that streams 4 MiB', async (t) => {
    const answer = await new Promise<string | undefined>((resolve, reject) => {
      const call = client.upload(signedIn, (error: Error | null, value?: Buffer) =>
        error ? reject(error) : resolve(value?.toString()),
      ) as grpc.ClientWritableStream<Buffer>;
      for (let count = 0; count < 64; count += 1) call.write(Buffer.alloc(64 * 1024));
      call.end();
    });
    t.equal(answer, String(64 * 64 * 1024));
  });

  await t.test('both at once: each answer comes before the next question', async (t) => {
    const call = client.talk(signedIn) as grpc.ClientDuplexStream<Buffer, Buffer>;
    for (const word of ['one', 'two', 'three']) {
      const answer = new Promise<Buffer>((resolve) => call.once('data', resolve));
      call.write(Buffer.from(word));
      t.equal((await answer).toString(), `re: ${word}`);
    }
    const status = new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
    call.resume();
    call.end();
    t.equal((await status).code, 0);
  });

  await t.test('a status without an answer, with its details', async (t) => {
    const { error, trailers } = await ask('refuse', signedIn);
    t.equal(error?.code, grpc.status.NOT_FOUND);
    t.equal(error?.details, 'no such thing');
    t.same(trailers.get('x-why'), ['because']);
  });

  await t.test('a status while the client is still sending', async (t) => {
    const error = await new Promise<grpc.ServiceError | null>((resolve) => {
      const call = client.refuseUpload(signedIn, (failure: grpc.ServiceError | null) =>
        resolve(failure),
      ) as grpc.ClientWritableStream<Buffer>;
      call.on('error', () => undefined);
      call.write(Buffer.from('more'));
    });
    t.equal(error?.code, grpc.status.RESOURCE_EXHAUSTED);
    t.equal(error?.details, 'enough');
    await eventually('the exchange is over', () => gateway.proxy.counts().requests === 0);
  });

  await t.test('a call the client cancels is cancelled upstream', async () => {
    const call = client.talk(signedIn) as grpc.ClientDuplexStream<Buffer, Buffer>;
    call.on('error', () => undefined);
    const answer = new Promise((resolve) => call.once('data', resolve));
    call.write(Buffer.from('hi'));
    await answer;
    call.cancel();
    await eventually('the service hears of it', () => echo.cancelled() > 0);
    await eventually('the exchange is over', () => gateway.proxy.counts().requests === 0);
  });

  await t.test('without a session it is refused in JSON, never redirected', async (t) => {
    echo.seen.length = 0;
    const { error } = await ask('unary', new grpc.Metadata());
    t.equal(error?.code, grpc.status.UNAUTHENTICATED);
    const answer = await sendHttp2(
      gateway.raw,
      {
        ':method': 'POST',
        ':path': '/echo.Echo/Unary',
        ':authority': `echo.localhost:${gateway.port}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      },
      '\0\0\0\0\0',
    );
    t.match(answer, { status: 401, body: /KNOT_PROXY_UNAUTHENTICATED/ });
    t.equal(answer.headers.location, undefined);
    t.same(echo.seen, []);
  });

  await t.test('an open call ends with the session', async (t) => {
    const call = client.talk(signedIn) as grpc.ClientDuplexStream<Buffer, Buffer>;
    const failed = new Promise<grpc.ServiceError>((resolve) => call.once('error', resolve as never));
    const answer = new Promise((resolve) => call.once('data', resolve));
    call.write(Buffer.from('hi'));
    await answer;
    await eventually('the call is registered', () => gateway.live.count() === 1);
    await gateway.sessions.end(sessionId, { actor: 'ann', reason: 'test' });
    t.not((await failed).code, 0);
  });
});

/** An HTTP/2 upstream in cleartext whose answers the test decides. */
