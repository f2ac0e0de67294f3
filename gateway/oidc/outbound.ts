import { fetch as undiciFetch } from 'undici';

type Fetch = (url: string | URL, options: RequestInit) => Promise<Response>;

/**
 * The provider's own requests (back-channel logout). It refuses private and loopback addresses by its dispatcher, which is
 * right for addresses that a client chose, and wrong for our integrations, which all live there: for exactly their hosts the
 * dispatcher is left out.
 */
export function createOutboundFetch(trustedHosts: ReadonlySet<string>): Fetch {
  return async (url, options) => {
    if (!trustedHosts.has(new URL(url).host)) return await globalThis.fetch(url, options);
    const { method, headers, body, redirect, signal } = options;
    const answer = await undiciFetch(String(url), { method, headers, body, redirect, signal } as Parameters<
      typeof undiciFetch
    >[1]);
    return answer;
  };
}
