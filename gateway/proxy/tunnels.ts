import type { ProxyLimits } from './limits.ts';
import type { Tunnel } from './tunnel.ts';

/** Every WebSocket that is not over. One timer looks at all of them, so that none needs timers of its own. */
export type Tunnels = {
  readonly size: number;
  add(tunnel: Tunnel): void;
  delete(tunnel: Tunnel): void;
  [Symbol.iterator](): Iterator<Tunnel>;
  close(): void;
};

export function createTunnels(
  limits: Pick<ProxyLimits, 'streamIdleMs' | 'webSocketPingMs' | 'webSocketPongMs'>,
): Tunnels {
  const all = new Set<Tunnel>();
  const timer = setInterval(sweep, sweepMs(limits));
  timer.unref();

  function sweep(): void {
    if (all.size === 0) return;
    const now = performance.now();
    for (const tunnel of all) tunnel.tick(now);
  }

  return {
    get size() {
      return all.size;
    },
    add: (tunnel) => void all.add(tunnel),
    delete: (tunnel) => void all.delete(tunnel),
    [Symbol.iterator]: () => all.values(),
    close: () => clearInterval(timer),
  };
}

/** A quarter of the shortest time that is watched, at least every second. */
function sweepMs({ streamIdleMs, webSocketPingMs, webSocketPongMs }: Parameters<typeof createTunnels>[0]): number {
  const shortest = Math.min(
    streamIdleMs,
    webSocketPingMs === 0 ? Infinity : Math.min(webSocketPingMs, webSocketPongMs),
  );
  return Math.max(10, Math.min(1_000, shortest / 4));
}
