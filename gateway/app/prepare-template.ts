import type { Config } from '../config/index.ts';
import { knotError, silentLog, systemClock } from '../lib/index.ts';
import { createSupervisor } from '../process/index.ts';
import { packageSetOf } from '../services/index.ts';
import { openSandboxOf, openTemplatePackages } from './machine.ts';
import { openCatalogue } from './services.ts';

/**
 * Installs what a template needs, so that nobody waits for it at a launch; beside a gateway that may run. Returns how many packages
 * that were: 0 when it needs none. `onProgress` hears each new sentence.
 * @throws KNOT_CLI_NO_SUCH_TEMPLATE, KNOT_CLI_NOT_PREPARED
 */
export async function prepareTemplate(
  config: Config,
  id: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress(message: string): void },
): Promise<number> {
  const parts = { clock: systemClock, log: silentLog };
  const template = await openCatalogue(config, parts).find(id);
  if (template?.process === undefined) {
    throw knotError('KNOT_CLI_NO_SUCH_TEMPLATE', 404, `There is no template "${id}" that runs on this machine.`, {
      remedy: '`knot template list` shows all of them.',
    });
  }
  const set = await packageSetOf(template.process.needs, template.folder.path);
  if (set === undefined) return 0;
  const supervisor = createSupervisor(parts);
  const sandbox = openSandboxOf(config, { supervisor, log: parts.log });
  signal.addEventListener('abort', sandbox.close, { once: true });
  try {
    const packages = openTemplatePackages(config, { sandbox: sandbox.settled, supervisor, ...parts });
    const waiter = { signal, onProgress: ({ message }: { message: string }) => onProgress(message) };
    const found = (await packages.find(set)) ?? (await packages.install(set, waiter));
    if ('problem' in found) {
      const { message, remedy } = found.problem;
      throw knotError('KNOT_CLI_NOT_PREPARED', 503, message, { remedy });
    }
    return found.packages;
  } finally {
    sandbox.close();
    await supervisor.stopAll();
  }
}
