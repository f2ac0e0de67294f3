/**
 * guests: what the holder of a link sees, who has no account.
 * Owns: the way in by a link (its secret leaves the address at once for a cookie that nothing else takes), the pages of a shared folder or
 * file, downloads, the form that hands files in, and who a guest is on the host of a service (`proxy` asks, through `app`).
 * Does not own: links and who came (shares), verdicts (policy), files (files), how bytes of people are answered (api, handed over by `app`).
 *
 *     GET /s/SECRET         a cookie, 303 /guest/SHARE/     for one browser only: a page first, whose button (POST) takes it
 *     GET /guest/SHARE/…    a page of the folder; a file; ?zip all in it
 *     POST /guest/SHARE/    files that are handed in (multipart/form-data)
 *     GET /guest/SHARE/     of a service: 303 to its host, which redeems the code there (`/.knot/guest`, answered by `proxy`)
 *
 * Mounts, on the main host: /s /guest
 */
export type { GuestOptions } from './context.ts';
export { guestRoutes } from './routes.ts';
export { createGuestVisitors, type GuestVisitors, whoOfGuest } from './visitors.ts';
