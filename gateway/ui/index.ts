/**
 * ui: the dashboard's files on the main host.
 * Owns: which file of the build a path means, how long each may be cached, the security headers of the dashboard's pages,
 * sending who is not signed in to the sign-in page before anything of the dashboard is shown.
 * Does not own: the pages themselves (dashboard/), the JSON behind them (api), signing in (login).
 * Mounts: `GET /*` on the main host, after every other route of it.
 */
export { uiRoutes, type UiOptions } from './routes.ts';
