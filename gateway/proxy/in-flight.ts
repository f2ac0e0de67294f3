import type { Exchange } from './exchange.ts';

/** Every exchange that is not over, looked at twice a second: that is what makes a request cheap and a long one visible. */
export type InFlight = {
  add(exchange: Exchange): void;
  delete(exchange: Exchange): void;
  count(): number;
  /** Cuts everything, for the end of the process. */
  cutAll(): void;
  close(): void;
};

const sweepMs = 500;

export function createInFlight(): InFlight {
  const exchanges = new Set<Exchange>();
  const timer = setInterval(sweep, sweepMs);
  timer.unref();

  function sweep(): void {
    if (exchanges.size === 0) return;
    const now = performance.now();
    for (const exchange of exchanges) exchange.tick(now);
  }

  return {
    add: (exchange) => void exchanges.add(exchange),
    delete: (exchange) => void exchanges.delete(exchange),
    count: () => exchanges.size,
    cutAll() {
      for (const exchange of exchanges) exchange.cut();
    },
    close: () => clearInterval(timer),
  };
}
