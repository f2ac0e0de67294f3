/**
 * proxy: what happens between the first byte of a request and the last byte of its answer.
 * Owns: the public listener (HTTP/1.1 and HTTP/2 over TLS, the one `upgrade` handler), the canonical request, the forward path of every
 * route host with its HTTP clients, WebSocket tunnels, the service host's half of the hand-off.
 * Read `edge.ts` (what arrives), `proxy.ts` (judging), `exchange/exchange.ts` (one request) with `exchange/answer-relay.ts` (its way
 * back), `tunnel/tunnel.ts`, then the forwarders they go through:
 *
 *   listener ─▶ edge ─▶ proxy ─┬─▶ exchange ─▶ upstream      a request, both ways streamed
 *                              ├─▶ tunnel ───▶ upstream      a WebSocket
 *                              └─▶ handoff                   nobody is signed in: `sign-in/`, and back
 *
 * Rooms import downward only (`test/architecture/ranks.ts`): tunnel > exchange, sign-in > listener, upstream > message > judge > wire.
 * `wire` knows the grammar of HTTP and nothing else, `judge` whether and as whom a request may pass, `message` how a request is
 * read and an answer or refusal written towards the client, `listener` connections of clients, `upstream` those to back ends.
 * Does not own: who people are (accounts, sessions), what they may (policy), where a host leads (routes), the main host's pages.
 * Mounts: nothing; on every route host it answers `/.knot/callback` itself.
 */
export { createEdge, type Edge, type EdgeOptions, type MainUpgrade } from './edge.ts';
export { canonicalOf } from './listener/remembered.ts';
export type { CredentialsOf } from './judge/assertion.ts';
export type { ClaimedBy } from './judge/claims.ts';
export { askedOf } from './judge/gate.ts';
export { createExplain, type ExplainOptions, type ExplainUrl, type UrlExplanation } from './explain.ts';
export { createRedirectListener, type RedirectListener } from './listener/redirect.ts';
export { createProxy, type Proxy, type ProxyOptions } from './proxy.ts';
export { guardRequestLines } from './listener/request-lines.ts';
export type { Probe, ProbeResult } from './upstream/probe.ts';
