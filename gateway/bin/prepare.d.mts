/** What TypeScript knows of `prepare.mjs`, which is no TypeScript so that an old Node can run it. */
export function prepare(root: string, options: { needsDashboard: boolean }): Promise<void>;
export function areDependenciesCurrent(root: string): boolean;
export function wantedPackages(root: string): number;
export function installedPackages(root: string): number;
export function telling(
  what: string,
  known: () => string | undefined,
  work: Promise<void>,
  options?: { everyMs?: number; write?: (text: string) => void },
): Promise<void>;
