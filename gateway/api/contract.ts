/**
 * What crosses /api/v1, in one place: schemas for checking, serialising and the OpenAPI document, types for the gateway and
 * (by `import type`) for the dashboard. Times are milliseconds since the epoch.
 */
export * from './contract/account.ts';
export * from './contract/audit.ts';
export * from './contract/clients.ts';
export * from './contract/common.ts';
export * from './contract/connections.ts';
export * from './contract/events.ts';
export * from './contract/files.ts';
export * from './contract/health.ts';
export * from './contract/images.ts';
export * from './contract/kubernetes.ts';
export * from './contract/me.ts';
export * from './contract/metrics.ts';
export * from './contract/owners.ts';
export * from './contract/people.ts';
export * from './contract/plans.ts';
export * from './contract/policies.ts';
export * from './contract/provisioning.ts';
export * from './contract/service-shares.ts';
export * from './contract/services.ts';
export * from './contract/shares.ts';
export * from './contract/teams.ts';
export * from './contract/tokens.ts';
export * from './contract/users.ts';
export * from './contract/workflows.ts';
