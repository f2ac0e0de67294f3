/**
 * login: how people get in and out.
 * Owns: the pages for signing in, up and out, first setup, invitation and reset; throttling; the main host's half of the
 * hand-off to service hosts; where a sign-in may lead next.
 * Does not own: checking a password (accounts), sessions and codes (sessions), `/.knot/callback` on service hosts (proxy).
 * Mounts, on the main host: /login /login/handoff /logout /signup /setup /invite /reset /ca.pem
 */
export type { LoginOptions } from './context.ts';
export { createSignInPage } from './next.ts';
export { safeNext } from './next-url.ts';
export { loginRoutes } from './routes.ts';
export { createThrottle, type Throttle, type ThrottleOptions } from './throttle.ts';
