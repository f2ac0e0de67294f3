/**
 * lib: pure functions and shared vocabulary.
 * Owns: the error class, ids, names, the words of authorization, the shape of log and audit entries, page rendering.
 * Does not own: anything that reads a file, opens a socket or keeps state.
 */
export * from './access-entry.ts';
export * from './amounts.ts';
export * from './audit-entry.ts';
export * from './authorization.ts';
export * from './calendar.ts';
export * from './canonical/address.ts';
export * from './canonical/canonical.ts';
export * from './canonical/cookies.ts';
export * from './canonical/headers.ts';
export * from './canonical/host.ts';
export * from './canonical/reasons.ts';
export * from './canonical/target.ts';
export * from './certificate-error.ts';
export * from './client-rules.ts';
export * from './clock.ts';
export * from './denial.ts';
export * from './each-at-once.ts';
export * from './errors.ts';
export * from './every.ts';
export * from './health.ts';
export * from './host-pattern.ts';
export * from './ids.ts';
export * from './keyed-queue.ts';
export * from './limits.ts';
export * from './log.ts';
export * from './mask-password.ts';
export * from './mask-secrets.ts';
export * from './names.ts';
export * from './namespaces.ts';
export * from './navigation.ts';
export * from './nearest.ts';
export * from './open-flags.ts';
export * from './page/page.ts';
export * from './page/public-error.ts';
export * from './principal.ts';
export * from './printable.ts';
export * from './same-origin.ts';
export * from './service-name.ts';
export * from './slices.ts';
export type * from './standing.ts';
export * from './template-folder.ts';
export * from './template-plan.ts';
export * from './time-limit.ts';
export * from './tracing.ts';
export * from './traffic.ts';
export * from './upstream-addresses.ts';
export * from './use.ts';
export * from './values/check.ts';
export * from './values/differences.ts';
export * from './values/pattern.ts';
export * from './values/plain-schema.ts';
export * from './values/pointer.ts';
export * from './version.ts';
export * from './within.ts';
