/**
 * guests: what the holder of a link sees, who has no account.
 * Owns: the way in by a link (its secret leaves the address at once for a cookie that nothing else takes), the pages of a shared folder or
 * file, downloads, and the form that hands files in.
 * Does not own: links and who came (shares), verdicts (policy), files (files), how bytes of people are answered (api, handed over by `app`).
 *
 *     GET /s/SECRET         a cookie, 303 /guest/SHARE/     for one browser only: a page first, whose button (POST) takes it
 *     GET /guest/SHARE/…    a page of the folder; a file; ?zip all in it
 *     POST /guest/SHARE/    files that are handed in (multipart/form-data)
 *
 * Mounts, on the main host: /s /guest
 */
export type { GuestOptions } from './context.ts';
export { guestRoutes } from './routes.ts';
