import { type Static, Type } from 'typebox';
import { AppConfig } from './apps.ts';
import { FilesConfig } from './files.ts';
import { IntegrationsConfig } from './integrations.ts';
import { KubernetesConfig } from './kubernetes.ts';
import { LimitsConfig } from './limits.ts';
import { listenerKeys } from './listeners.ts';
import { LogConfig } from './log.ts';
import { MailConfig } from './mail.ts';
import { MetricsConfig } from './metrics.ts';
import { OidcConfig } from './oidc.ts';
import { PlanConfig } from './plans.ts';
import { object } from './section.ts';
import { EngineConfig, ServicesConfig } from './services.ts';
import { LoginConfig, SessionsConfig, SignUpConfig } from './sign-in.ts';
import { stateKeys } from './state.ts';
import { TracingConfig } from './tracing.ts';

/**
 * The configuration of the gateway: one schema gives types, defaults, checks, the commented example and the chart's
 * `values.schema.json`. Each file beside this one is a section with the checks a schema cannot say; each description is the
 * sentence an admin reads in `knot config example`.
 */
export const ConfigSchema = object(
  {
    domain: listenerKeys.domain,
    appsDomain: listenerKeys.appsDomain,
    listen: listenerKeys.listen,
    publicPort: listenerKeys.publicPort,
    httpListen: listenerKeys.httpListen,
    ops: listenerKeys.ops,
    ...stateKeys,
    trustedProxies: listenerKeys.trustedProxies,
    tls: listenerKeys.tls,
    signUp: SignUpConfig,
    sessions: SessionsConfig,
    login: LoginConfig,
    oidc: OidcConfig,
    integrations: IntegrationsConfig,
    apps: Type.Array(AppConfig, { default: [], description: 'Plain web applications behind sign-in.' }),
    plans: Type.Array(PlanConfig, {
      default: [],
      description: 'Limits under a name, given to people and teams by administrators.',
    }),
    files: FilesConfig,
    engine: EngineConfig,
    services: ServicesConfig,
    kubernetes: KubernetesConfig,
    limits: LimitsConfig,
    mail: Type.Optional(MailConfig),
    metrics: Type.Optional(MetricsConfig),
    tracing: Type.Optional(TracingConfig),
    log: LogConfig,
  },
  'Knot configuration',
);

export type Config = Static<typeof ConfigSchema> & {
  /** Folder relative paths are resolved against; `data` and `policies` are absolute already. */
  baseFolder: string;
};
export { mayShareSite } from './apps-domain.ts';
export type { AppSettings } from './apps.ts';
export { defaultLimits, type LimitSettings } from './limits.ts';
export type { ClientSettings } from './oidc.ts';
export { checkHost } from './network.ts';
export { checkAmount, parseAmount, type PlanSettings } from './plans.ts';
export type { SecretSource } from './section.ts';
