import { createSecureContext, type SecureContext } from 'node:tls';
import type { Log } from '../lib/index.ts';
import type { Pair } from './issue.ts';
import { tlsOptions } from './options.ts';
import { isWildcardAccepted, type Names, readServerName } from './server-names.ts';

type Presenter = {
  sniCallback(serverName: string, callback: (error: Error | null, context?: SecureContext) => void): void;
  onChange(listener: () => void): () => void;
  /** Shows this pair from now on; open connections keep theirs. */
  swap(pair: Pair): void;
};

/** Why a handshake ends: the name and number of the TLS alert that says so (RFC 6066 section 3, RFC 8446 section 6.2). */
export class NameRefusal extends Error {
  readonly alert: number;

  constructor(name: string, alert: number) {
    super(name);
    this.alert = alert;
  }
}

export const contextOf = (pair: Pair): SecureContext =>
  createSecureContext({ ...tlsOptions(), cert: pair.cert, key: pair.key });

/**
 * Answers server names with the pair in force. `contextBelow` gives the context of a name below one whose wildcard no client accepts;
 * undefined refuses the name.
 */
export function createPresenter(options: {
  pair: Pair;
  names: Names;
  log: Log;
  contextBelow?: (host: string) => Promise<SecureContext | undefined>;
}): Presenter {
  const { names, log, contextBelow } = options;
  const listeners = new Set<() => void>();
  let context = contextOf(options.pair);

  async function find(serverName: string): Promise<SecureContext | undefined> {
    const name = readServerName(serverName, names);
    if (name.kind === 'foreign') return undefined;
    const isCovered = name.kind !== 'below' || isWildcardAccepted(name.domain);
    return isCovered || contextBelow === undefined ? context : contextBelow(name.host);
  }

  return {
    // A throw inside SNICallback has ended processes (CVE-2026-21637): every way out goes through the callback.
    sniCallback(serverName, callback) {
      find(String(serverName)).then(
        (found) => {
          if (found) return callback(null, found);
          log.debug({ serverName: String(serverName).slice(0, 255) }, 'refused an unknown server name');
          callback(new NameRefusal('unrecognized_name', 112));
        },
        (error: unknown) => {
          log.error({ err: error }, 'finding the certificate of a server name failed');
          callback(new NameRefusal('internal_error', 80));
        },
      );
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    swap(pair) {
      context = contextOf(pair);
      for (const listener of listeners) {
        try {
          listener();
        } catch (error) {
          log.error({ err: error }, 'a listener of the certificate failed');
        }
      }
    },
  };
}
