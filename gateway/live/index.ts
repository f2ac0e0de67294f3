/**
 * live: every stream that is open now.
 * Owns: the registry by session, person and host; re-judging and cutting.
 * Does not own: the sockets (proxy, api) or the verdict (policy).
 * Mounts: nothing.
 */
export type { Live, LiveKind, LiveStream } from './stream.ts';
export { createLive } from './registry.ts';
