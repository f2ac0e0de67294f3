/** Bounds of the data path. Times in milliseconds. All have safe defaults; `config` may override each. */
export type ProxyLimits = {
  /** Header fields per request, and their bytes together with the request target. */
  headerCount: number;
  headerBytes: number;
  /** From the first byte of a connection's next request to the end of its headers. */
  headersMs: number;
  /** An idle connection between requests. */
  keepAliveMs: number;
  /** Connections of one client address, or of one /64 network of IPv6. Trusted proxies are not counted. */
  connectionsPerAddress: number;
  /** Concurrent HTTP/2 streams per connection. */
  streamsPerConnection: number;
  connectMs: number;
  /** From the end of the request to the upstream's first byte. */
  firstByteMs: number;
  /** A request body of which no byte arrives. */
  bodyIdleMs: number;
  /** The least rate of a request body (0: none), averaged over `bodyRateMs` after a grace of as long. */
  bodyBytesPerSecond: number;
  bodyRateMs: number;
  /** An answer of which no byte moves, in either direction: event streams, downloads, WebSockets. Pings of ours do not count. */
  streamIdleMs: number;
  /**
   * A WebSocket whose client said nothing for this long is sent a ping (0: never), and closed when after that not one byte
   * comes for `webSocketPongMs`. Below the 60 s after which many load balancers and NATs drop a silent connection. The answer to
   * the ping is taken out of the client's bytes; all others pass as they came.
   */
  webSocketPingMs: number;
  webSocketPongMs: number;
  /** Plain requests in flight to one upstream, and how many more may wait, and how long. */
  requestsPerUpstream: number;
  queuePerUpstream: number;
  queueMs: number;
  /** Streams (WebSocket, events, long answers) open to one upstream. */
  streamsPerUpstream: number;
  /** The same open to one sign-in, over all its hosts and connections. */
  streamsPerSession: number;
  /** Bytes of an upstream's answer headers. */
  answerHeaderBytes: number;
};

export const defaultLimits: ProxyLimits = {
  headerCount: 100,
  headerBytes: 32 * 1024,
  headersMs: 15_000,
  keepAliveMs: 65_000,
  connectionsPerAddress: 10_000,
  streamsPerConnection: 100,
  connectMs: 5_000,
  firstByteMs: 120_000,
  bodyIdleMs: 60_000,
  bodyBytesPerSecond: 240,
  bodyRateMs: 10_000,
  streamIdleMs: 2 * 3_600_000,
  webSocketPingMs: 30_000,
  webSocketPongMs: 30_000,
  requestsPerUpstream: 256,
  queuePerUpstream: 1_024,
  queueMs: 10_000,
  streamsPerUpstream: 8_192,
  streamsPerSession: 512,
  answerHeaderBytes: 128 * 1024,
};
