/**
 * config: what the operator decided.
 * Owns: the schema with defaults, loading (flags over environment over file), all problems at once, secrets, the example.
 * Does not own: policies (folder `policies/`), anything that changes while running.
 * Mounts: nothing.
 */
export {
  absolute,
  hostBelowApps,
  type ListenAddress,
  parseListen,
  type PublicAddress,
  publicAddress,
} from './address.ts';
export { databaseUrl } from './database.ts';
export {
  type AppSettings,
  checkAmount,
  checkHost,
  type ClientSettings,
  type Config,
  ConfigSchema,
  defaultLimits,
  type LimitSettings,
  mayShareSite,
  parseAmount,
  type SecretSource,
} from './schema/index.ts';
export { loadConfig, type LoadedConfig, type ConfigOverrides } from './load.ts';
export { readSecret } from './secrets.ts';
export { describeConfig, exampleConfig } from './print.ts';
export { checkAgainst, type ConfigProblem } from './check.ts';
