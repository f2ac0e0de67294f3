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
  }
}

export {};
