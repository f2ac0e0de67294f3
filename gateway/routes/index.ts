/**
 * routes: which host leads where.
 * Owns: the stored unique map from host to route, and what resource a path on a route stands for.
 * Does not own: forwarding (proxy), verdicts (policy).
 * Mounts: nothing.
 */
export type { Route, Routes, Upstream } from './service.ts';
