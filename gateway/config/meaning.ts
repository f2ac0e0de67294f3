import type { ConfigProblem } from './check.ts';
import { readSecret, secretsIn } from './secrets.ts';
import { checkAppsDomain } from './schema/apps-domain.ts';
import { checkApps, warnOfOpenApps } from './schema/apps.ts';
import { checkPlans } from './schema/plans.ts';
import { type Config, ConfigSchema } from './schema/index.ts';
import { checkKubernetes } from './schema/kubernetes.ts';
import { checkIntegrations, toolNames } from './schema/integrations.ts';
import { checkListeners } from './schema/listeners.ts';
import { checkClientSecret, checkOidc } from './schema/oidc.ts';
import { checkServices } from './schema/services.ts';
import { checkSessions } from './schema/sign-in.ts';
import { checkDatabase } from './schema/state.ts';
import { checkTracing } from './schema/tracing.ts';

/**
 * What the schema cannot say: settings that contradict one another, or point at nothing. `warnings` are of what works, but is
 * likely to hurt.
 */
export function checkMeaning(
  config: Config,
  baseFolder: string,
  sources: Record<string, string>,
  environment: NodeJS.ProcessEnv,
): { problems: ConfigProblem[]; warnings: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const add = (path: string, message: string) => void problems.push({ path, message });
  const warn = (path: string, message: string) => void warnings.push({ path, message });
  const integrations = toolNames(config.integrations);

  checkListeners(config, add);
  checkAppsDomain(config, add);
  checkSessions(config.sessions, add);
  checkIntegrations(config.integrations, config.engine, add);
  checkApps(config.apps, integrations, add);
  checkPlans(config.plans, add);
  checkServices(config.services, add);
  checkKubernetes(config.kubernetes, add);
  warnOfOpenApps(config.apps, warn);
  checkOidc(
    config.oidc,
    [...integrations, ...config.apps.filter(({ kind }) => kind === 'oidc').map(({ name }) => name)],
    add,
  );
  checkDatabase(config.database, !sources['database'], add);
  checkTracing(config.tracing, add);
  for (const { path, secret } of secretsIn(ConfigSchema, config)) {
    try {
      const value = readSecret(secret, baseFolder, environment);
      if (/^oidc\.clients\[|\.clientSecret$/.test(path)) checkClientSecret(path, value, add, warn);
      if (path.startsWith('tracing.headers') && !/^[\x20-\x7e]+$/.test(value)) {
        add(path, 'holds a character that cannot stand in a header field');
      }
    } catch (error) {
      add(path, (error as Error).message);
    }
  }
  return { problems, warnings };
}
