import type { SecureServerOptions } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type Certificates, NameRefusal, tlsOptions } from '../../tls/index.ts';
import { sendAlert } from './clear-text.ts';

export type ListenerLimits = {
  headerCount: number;
  headerBytes: number;
  headersMs: number;
  keepAliveMs: number;
  streamsPerConnection: number;
};

/**
 * Options of the one TLS server. The HTTP/1 parser's own bounds stand a little above ours, so that the edge, which can answer
 * with a page, is the one that refuses; the HTTP/2 settings close the defaults that are unlimited (catalogue D1 to D3).
 */
export function listenerOptions(
  certificates: Pick<Certificates, 'current' | 'sniCallback'>,
  limits: ListenerLimits,
): SecureServerOptions {
  const parserHeaderBytes = limits.headerBytes + 16 * 1024;
  const http1 = {
    maxHeaderSize: parserHeaderBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.round(Math.max(250, Math.min(5_000, limits.headersMs / 3))),
    requireHostHeader: false,
    insecureHTTPParser: false,
  };
  return {
    ...certificates.current(),
    SNICallback: sayingWhy(certificates.sniCallback),
    ...tlsOptions(),
    allowHTTP1: true,
    handshakeTimeout: limits.headersMs,
    ...http1,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    settings: {
      maxConcurrentStreams: limits.streamsPerConnection,
      maxHeaderListSize: parserHeaderBytes,
      initialWindowSize: 256 * 1024,
      enablePush: false,
      enableConnectProtocol: false,
    },
    // Upstreams do repeat such fields, and over HTTP/1.1 clients get them so.
    strictSingleValueFields: false,
    // Room for the pieces of a Cookie; their bytes are bounded by the size of the list.
    maxHeaderListPairs: limits.headerCount + 1_024,
    maxSessionMemory: 16,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxSettings: 32,
    unknownProtocolTimeout: 5_000,
  };
}

type SniCallback = NonNullable<SecureServerOptions['SNICallback']>;

/** Node closes without a word when a name is refused, so the alert is sent here. Node calls this on the socket. */
function sayingWhy(find: SniCallback): SniCallback {
  return function (this: unknown, serverName, callback) {
    find(serverName, (error, context) => {
      if (error instanceof NameRefusal) sendAlert(this as TLSSocket, error.alert);
      callback(error, context);
    });
  };
}
