import type { ReasonCode } from '../../lib/index.ts';

export const commonMethods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const common = new Set(commonMethods);

/** Tunnels and echoes are refused on every route (catalogue P14): they would bypass the canonical request. */
const neverForwarded = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** Why a method is refused, given what a route allows beyond the common ones (catalogue P16). */
export function refusedMethod(method: string, extra: readonly string[]): ReasonCode | undefined {
  if (common.has(method)) return undefined;
  if (neverForwarded.has(method)) return 'method_unknown';
  return extra.includes(method) ? undefined : 'method_not_allowed';
}
