import { type Static, Type } from 'typebox';
import { checkAgainst } from '../check.ts';
import { count, milliseconds, object } from './section.ts';

export const LimitsConfig = object(
  {
    headerCount: count(100, 'Header fields of a request.', 1000),
    headerBytes: count(32 * 1024, 'Bytes of the header fields and the address of a request.', 256 * 1024),
    headersMs: milliseconds(
      15_000,
      'From the first byte of a request to the end of its headers; also the TLS handshake.',
    ),
    keepAliveMs: milliseconds(65_000, 'How long a connection may idle between requests.'),
    connectionsPerAddress: count(
      10_000,
      'Connections of one client address (IPv6: of one /64 network); more get 429. Trusted proxies are not counted.',
    ),
    connectionsWaiting: count(
      8_192,
      'New connections that may wait for their TLS handshake; more are reset. Those that have sent nothing are not counted.',
    ),
    streamsPerConnection: count(100, 'Concurrent HTTP/2 streams of a connection.', 10_000),
    connectMs: milliseconds(5_000, 'Until an upstream accepts a connection.'),
    firstByteMs: milliseconds(120_000, 'From the end of a request to the first byte of the answer.'),
    bodyIdleMs: milliseconds(60_000, 'A request body of which no byte arrives.'),
    bodyBytesPerSecond: Type.Integer({
      default: 240,
      minimum: 0,
      description: 'A request body that arrives slower ends with 408; 0 switches it off.',
    }),
    bodyRateMs: milliseconds(10_000, 'Over how long that rate is averaged; also the grace before it counts.'),
    streamIdleMs: milliseconds(2 * 3_600_000, 'An answer or WebSocket of which no byte moves.'),
    // Below the 60 s after which many load balancers and NATs drop a silent connection.
    webSocketPingMs: Type.Integer({
      default: 30_000,
      minimum: 0,
      maximum: 24 * 3_600_000,
      description: 'A WebSocket whose client says nothing this long is sent a ping; 0 switches it off. Milliseconds.',
    }),
    webSocketPongMs: milliseconds(30_000, 'Until a client that was sent a ping and stays silent is closed.'),
    requestsPerUpstream: count(256, 'Plain requests in flight to one upstream.'),
    queuePerUpstream: count(1_024, 'Requests that may wait for one upstream; more get 503.'),
    queueMs: milliseconds(10_000, 'How long they wait before they get 503.'),
    streamsPerUpstream: count(8_192, 'WebSockets, event streams and long answers open to one upstream.'),
    streamsPerSession: count(512, 'WebSockets, event streams and long requests open to one sign-in; more get 429.'),
    identityBytes: Type.Integer({
      default: 4_096,
      minimum: 1_024,
      maximum: 64 * 1024,
      description:
        'Bytes of the X-Knot-* header fields together; groups that find no room are left out, which the assertion says.',
    }),
    answerHeaderBytes: count(128 * 1024, "Bytes of the header fields of an upstream's answer.", 1024 * 1024),
    drainDelayMs: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 600_000,
      description:
        'How long new requests are still taken after a stop was asked for and /readyz says no, so that load balancers turn away first. Milliseconds.',
    }),
    drainMs: milliseconds(5_000, 'How long answers may go on after a stop was asked for.'),
  },
  'Bounds of the forward path.',
);

export type LimitSettings = Static<typeof LimitsConfig>;

/** What is in force where an operator set nothing. */
export const defaultLimits = checkAgainst(LimitsConfig, {}, []) as LimitSettings;
