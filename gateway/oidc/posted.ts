import { newSecret } from '../lib/index.ts';
import type { Records } from './records.ts';

/** What goes into an address as it is; a longer request is kept and named. Common proxies bear 8 KiB of request line. */
const longestQuery = 6 * 1024;
const keptMs = 10 * 60 * 1000;
/** All together; beyond them the oldest go. 500 of 64 KiB are 32 MiB. */
const mostKept = 500;
const parameter = 'kept';
const model = 'PostedRequest';

/** Endpoints that take the same request by GET and, as a form, by POST. */
export const postedPaths = ['/auth', '/session/end'] as const;
export type PostedPath = (typeof postedPaths)[number];

export type PostedRequests = {
  /**
   * The address below the issuer that is the same request by GET (OpenID Connect Core 1.0 section 3.1.2.1 and RP-Initiated
   * Logout 1.0 section 2 ask for both). A form of another site comes without our cookies, which are Lax; the redirect brings
   * them. What stands in the address of the POST is not read, repeated fields stay repeated.
   */
  addressOf(path: PostedPath, form: string): Promise<string>;
  /** The address that was kept under a short one; the given one when it is none of ours, undefined when it has expired. */
  restore(address: string): Promise<string | undefined>;
};

/** Anybody may post, so what is kept is bounded (the form's 64 KiB, ten minutes, `mostKept`) and worth no more than a long link. */
export function createPostedRequests(records: Records, now: () => number): PostedRequests {
  return {
    async addressOf(path, form) {
      const query = new URLSearchParams(form).toString();
      if (query.length <= longestQuery) return `${path}?${query}`;
      const id = newSecret();
      await records.upsert({ model, id, payload: { path, query }, expiresAt: now() + keptMs });
      await records.removeBeyond(model, mostKept);
      return `${path}?${parameter}=${id}`;
    },
    async restore(address) {
      const [path, id] = address.split(`?${parameter}=`) as [string, string | undefined];
      if (id === undefined) return address;
      const row = await records.find(model, id);
      const kept = row && (JSON.parse(row.payload) as { path: string; query: string });
      return kept?.path === path ? `${path}?${kept.query}` : undefined;
    },
  };
}
