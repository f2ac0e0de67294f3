import {
  type Http2SecureServer,
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { Http2Request } from '../message/http2-request.ts';
import { Http2Response } from '../message/http2-response.ts';

/** How long a connection may be silent: without a request, and with one. */
export type Http2Bounds = { keepAliveMs: number; streamIdleMs: number };

/** What one connection may have under way towards us, all its streams together. */
const connectionWindowBytes = 1024 * 1024;

const peerOf = Symbol('peer');
const hasServed = Symbol('has served');
type Session = ServerHttp2Session & { [peerOf]?: Http2Request['socket']; [hasServed]?: boolean };

/**
 * Takes the streams of a TLS server's HTTP/2 connections from Node's compatible API, which makes two more streams and a dozen listeners
 * of each: they are served as what they are. `noteUse` hears of each one but the first of its connection. The server must have its `request` listener already, which stays for HTTP/1.
 */
export function createHttp2Front(
  server: Http2SecureServer,
  bounds: Http2Bounds,
  serve: (request: Http2Request, response: Http2Response) => void,
  noteUse: () => void,
): void {
  // Node attaches the compatible API together with the first `request` listener. If it does so in another way one day, every stream
  // would be answered twice; better not to start.
  if (server.listenerCount('stream') !== 1)
    throw new Error('this Node serves HTTP/2 streams in a way that is not known here');
  server.removeAllListeners('stream');

  server.on('session', (session: Session) => {
    session.setLocalWindowSize(connectionWindowBytes);
    // Asked once for all its streams: the socket of a session is a proxy that costs at each look.
    session[peerOf] = { remoteAddress: session.socket.remoteAddress };
    endWhenIdle(session, bounds);
  });
  server.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      stream.on('error', ignoreReset);
      const session = stream.session as Session | undefined;
      // Reset before its turn came, with nobody left to answer.
      if (session === undefined) return;
      if (session[hasServed] === true) noteUse();
      else session[hasServed] = true;
      const request = new Http2Request(stream, headers, rawHeaders, session[peerOf]!);
      serve(request, new Http2Response(request));
    },
  );
}

/**
 * First GOAWAY, so that open streams may go on; when then no byte moves for as long as a stream may idle, there is none, or only one
 * whose headers never ended, which Node waits for without a bound (catalogue D3).
 */
function endWhenIdle(session: ServerHttp2Session, { keepAliveMs, streamIdleMs }: Http2Bounds): void {
  session.setTimeout(keepAliveMs);
  session.on('timeout', () => {
    if (session.closed) return session.destroy();
    session.close();
    session.setTimeout(streamIdleMs);
  });
}

/** By either side; `close` follows. Unheard, it would end the process (catalogue W3). */
function ignoreReset(): void {
  return undefined;
}

/** The same request for handlers that know Node's compatible API, which reads it from here on. Nothing may have been written. */
export function compatible({
  stream,
  headers,
  rawHeaders,
}: Http2Request): [request: Http2ServerRequest, response: Http2ServerResponse] {
  const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
  return [request, new Http2ServerResponse(stream)];
}
