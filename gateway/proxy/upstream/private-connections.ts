import type { Socket } from 'node:net';
import type { ConnectionOwner } from './forwarder.ts';
import type { Http1Connection } from './http1-connection.ts';

/**
 * Connections to an upstream that authenticate somebody (`connection-authentication.ts`), while they are idle: each is kept for the
 * next request of the same client connection and the same session, and ends with either.
 */
export type PrivateConnections = {
  readonly size: number;
  /** The one kept for the owner. One that was kept for somebody else on the same client connection ends. */
  take(owner: ConnectionOwner, now: number): Http1Connection | undefined;
  /** Keeps a connection for its owner; ends it when it has none. */
  keep(connection: Http1Connection): void;
  /** The connection is gone. */
  forget(connection: Http1Connection): void;
  /** Ends those that were idle for too long. */
  sweep(now: number): void;
};

type Kept = { connection: Http1Connection; who: string; onClose: () => void };

export function createPrivateConnections(): PrivateConnections {
  const byClient = new Map<Socket, Kept>();

  function remove(client: Socket): Kept | undefined {
    const kept = byClient.get(client);
    if (kept === undefined) return undefined;
    byClient.delete(client);
    client.off('close', kept.onClose);
    return kept;
  }

  return {
    get size() {
      return byClient.size;
    },
    take({ client, who }, now) {
      const kept = remove(client);
      if (kept === undefined) return undefined;
      if (kept.who === who && kept.connection.isReusable(now)) return kept.connection;
      kept.connection.destroy();
      return undefined;
    },
    keep(connection) {
      const { owner } = connection;
      if (owner === undefined || owner.client.destroyed) return connection.destroy();
      const { client, who } = owner;
      remove(client)?.connection.destroy();
      const onClose = (): void => remove(client)?.connection.destroy();
      byClient.set(client, { connection, who, onClose });
      client.once('close', onClose);
    },
    forget(connection) {
      const { owner } = connection;
      if (owner !== undefined && byClient.get(owner.client)?.connection === connection) remove(owner.client);
    },
    sweep(now) {
      for (const [client, { connection }] of byClient) {
        if (connection.isReusable(now)) continue;
        remove(client);
        connection.destroy();
      }
    },
  };
}
