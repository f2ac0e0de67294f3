/**
 * login: how people get in and out.
 * Owns: the pages for signing in, up and out, first setup, invitation and reset; throttling; the main host's half of the
 * hand-off to service hosts; where a sign-in may lead next.
 * Does not own: checking a password (accounts), sessions and codes (sessions), `/.knot/callback` on service hosts (proxy).
 * A sign-in, and the hand-off that makes a session of a service host from it (`sessions/codes`, `proxy/handoff`):
 *
 *     HOST/x             no session → 303 DOMAIN/login/handoff?to=HOST/x&binding=HASH   (a long address: to=kept:ID)
 *     /login/handoff     nobody → 303 /login?next=…   somebody → a code, 303 HOST/.knot/callback
 *     GET /login         the form; nobody to administer Knot yet, why a session ended, a `next` that leads nowhere: said here
 *     POST /login        throttle → password → one transaction that starts the session → 303 next
 *     HOST/.knot/callback  code and cookie fit → session of HOST, 303 /x   else, once, anew towards /x
 *     /login/account     who goes on? → next, as the same person or after /login?switch=1
 *
 * Mounts, on the main host: /login /login/handoff /login/account /logout /signup /setup /invite /reset /ca.pem
 */
export type { LoginOptions } from './context.ts';
export { createSignInPage } from './next.ts';
export { safeNext } from './next-url.ts';
export { loginRoutes } from './routes.ts';
export { createThrottle, type Throttle, type ThrottleOptions } from './throttle.ts';
