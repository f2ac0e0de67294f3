import type { Command } from './command.ts';
import { systemEnvironment } from './environment.ts';

/** What installers of packages have in common: pip and npm. */

/** Programs of people may run under other accounts than the gateway; nothing in an environment is a secret. */
export const readableForEverybody = 0o022;

/** `progress` (0 to 1) is real: packages seen in pip's output or on the disk, of those that there are. */
export type InstallProgress = { step: string; message: string; progress: number };

/** What is run, and where it may write. */
export type InstallStep = Pick<Command, 'command' | 'args' | 'env' | 'cwd'>;

/** Proxy and certificate settings of the operator, and those of pip and npm, reach the installer (and nothing else). */
export function installerEnvironment(): Record<string, string> {
  const environment = systemEnvironment();
  // Of npm's only these: whoever starts Knot by `npm start` has dozens, which say where that npm is.
  const isForInstaller =
    /^(PIP_.+|npm_config_(registry|cafile|strict_ssl|(https_)?proxy)|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy|all_proxy|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|XDG_CACHE_HOME|XDG_CONFIG_HOME)$/i;
  const wouldMislead = new Set([
    'PIP_TARGET',
    'PIP_PREFIX',
    'PIP_ROOT',
    'PIP_USER',
    'PIP_REQUIREMENT',
    'PIP_CONSTRAINT',
    'PIP_DRY_RUN',
  ]);
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && isForInstaller.test(name) && !wouldMislead.has(name)) environment[name] = value;
  }
  return environment;
}
