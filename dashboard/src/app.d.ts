declare global {
  namespace App {
    /** What the error page shows: a problem of the API (`#lib/problem.ts`); without a `code` nothing lies at the address. */
    interface Error {
      code?: string;
      remedy?: string;
      requestId?: string;
      heading?: string;
      facts?: [label: string, value: string][];
    }
    /** What the way to a page says to it; gone when it is read anew. */
    interface PageState {
      /** Somebody has just wanted it to start: how that goes is shown, also when it is over by now. */
      isAwaited?: boolean;
    }
  }
}

export {};
