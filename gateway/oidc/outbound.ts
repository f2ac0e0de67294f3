import { getCACertificates } from 'node:tls';
import type { Provider } from 'oidc-provider';
import type * as Undici from 'undici';
import type { LogoutNotice, SendLogout } from './notices.ts';

type Fetch = (url: string | URL, options: RequestInit) => Promise<Response>;
type BackchannelLogout = (accountId: string, sid: string | undefined) => Promise<void>;

export type Outbound = {
  /** The `fetch` of the library. */
  fetch: Fetch;
  send: SendLogout;
  close(): Promise<void>;
};

/** What the library sends with, of each provider whose clients are told by our queue. */
const senders = new WeakMap<Provider, BackchannelLogout>();

/** Lets the library note what a client must hear instead of sending it within the request of the person who signs out. */
export function queueLogouts(provider: Provider, note: (notice: LogoutNotice) => Promise<void>): void {
  const prototype = provider.Client.prototype as unknown as { backchannelLogout: BackchannelLogout };
  senders.set(provider, prototype.backchannelLogout);
  prototype.backchannelLogout = function (this: { clientId: string }, accountId, sid) {
    return note({ clientId: this.clientId, accountId, sid });
  };
}

/**
 * The provider's own requests: back-channel logouts, and nothing else. The library refuses private and loopback addresses, which
 * is right for what a stranger registered and wrong here: operators and admins alone register addresses, and most of theirs are
 * inside a network. So exactly the registered address of the client that is being told is dialled, whatever it resolves to;
 * redirects are not followed, and what it answers is not read.
 * @param caPem Knot's own certificate authority, for clients behind this gateway
 */
export function createOutbound(caPem: string | undefined): Outbound {
  /** Registered addresses that are being told now, and how often. */
  const expected = new Map<string, number>();
  let opened: Promise<{ fetch: typeof Undici.fetch; dispatcher: Undici.Agent }> | undefined;

  /** Loaded when the first client is told something: many gateways tell none for hours. */
  async function openDispatcher() {
    const { Agent, fetch } = await import('undici');
    const ca = [...getCACertificates('default'), ...(caPem === undefined ? [] : [caPem])];
    return { fetch, dispatcher: new Agent({ connect: { ca, timeout: 2_000 }, keepAliveTimeout: 1_000 }) };
  }

  const forget = (error: unknown): never => {
    opened = undefined;
    throw error;
  };

  return {
    async fetch(url, { method, headers, body, signal }) {
      const address = String(url);
      if (!expected.has(address)) throw new Error('this address is not registered');
      const { fetch, dispatcher } = await (opened ??= openDispatcher().catch(forget));
      const options = { method, headers, body, signal, redirect: 'manual', dispatcher };
      const answer = await fetch(address, options as Parameters<typeof fetch>[1]);
      await answer.body?.cancel();
      return new Response(null, { status: answer.status < 200 ? 500 : answer.status });
    },
    async send(provider, { clientId, accountId, sid }: LogoutNotice) {
      const client = await provider.Client.find(clientId);
      if (!client?.backchannelLogoutUri) return 'unwanted';
      const address = new URL(client.backchannelLogoutUri).href;
      expected.set(address, (expected.get(address) ?? 0) + 1);
      try {
        await senders.get(provider)!.call(client, accountId, sid);
        return 'sent';
      } finally {
        const left = expected.get(address)! - 1;
        if (left === 0) expected.delete(address);
        else expected.set(address, left);
      }
    },
    close: async () => (await opened)?.dispatcher.destroy(),
  };
}
