import { hostBelowApps } from '../config/index.ts';
import type { Routes } from '../routes/index.ts';

/** For which hosts a certificate is made: those of routes, and old addresses of services, which tell whoever opens one where it is now. */
export function knownHosts(
  names: Parameters<typeof hostBelowApps>[0],
  routes: Pick<Routes, 'find'>,
): (host: string) => boolean {
  return (host) => [host, hostBelowApps(names, host) ?? host].some((one) => routes.find(one) !== undefined);
}
