import { setTimeout as delay } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import type { Clock, Log } from '../../lib/index.ts';
import { describeSystemProblem, type Installation, type Installed, type Supervisor } from '../../process/index.ts';
import { lockWhenFree } from '../../store/index.ts';
import { findHubDamage } from './damage.ts';
import { findInstallation, hubWords, install } from './install.ts';
import type { HubStatus } from './status.ts';

export type InstallWithRetryOptions = {
  supervisor: Supervisor;
  venvFolder: string;
  /** True when other gateways may install into the same folder at the same time. */
  isShared: boolean;
  searchPath: string;
  /** As in `install`. */
  requirementsFile?: string;
  signal: AbortSignal;
  clock: Clock;
  log: Log;
  onChange(status: HubStatus): void;
  /** What is wrong with an environment that is there; by default its files are compared with what its packages list. */
  damageOf?: DamageOf;
  /** First wait after a failure; doubles up to five minutes. */
  firstWaitMs?: number;
};

/** In plain words; undefined when it is whole. */
export type DamageOf = (present: Installed) => Promise<string | undefined>;

const maxWaitMs = 300_000;

/** The environment if it is there, made from the present list, and whole. Starts no process. */
export async function findWhole(
  options: Pick<InstallWithRetryOptions, 'venvFolder' | 'requirementsFile' | 'damageOf' | 'log'>,
): Promise<Installed | undefined> {
  const { venvFolder, requirementsFile, log } = options;
  const damageOf = options.damageOf ?? (({ packages }) => findHubDamage(venvFolder, packages ? { packages } : {}));
  const present = findInstallation(venvFolder, requirementsFile);
  const damage = present && (await damageOf(present));
  if (damage !== undefined) log.warn({ damage }, 'the Python environment of JupyterHub is damaged and made anew');
  return damage === undefined ? present : undefined;
}

/** Installs until it works or `signal` says stop; every failure is shown with its cause and the time of the next try. */
export async function installWithRetry(options: InstallWithRetryOptions): Promise<Installation> {
  const { signal, clock, log } = options;
  const isRepair = findInstallation(options.venvFolder, options.requirementsFile) !== undefined;
  const onChange = (status: HubStatus) =>
    options.onChange(
      isRepair && status.phase === 'installing' ? { ...status, message: repairing(status.message) } : status,
    );
  let waitMs = options.firstWaitMs ?? 10_000;
  for (;;) {
    const result = await installOnce({ ...options, onChange });
    if (result.isInstalled) {
      log.info({}, 'JupyterHub is installed');
      return result;
    }
    if (signal.aborted) return result;
    log.warn({ kind: result.problem.kind, problem: result.problem.message, waitMs }, 'installing JupyterHub failed');
    onChange({ phase: 'blocked', problem: result.problem, nextTryAt: clock.now() + waitMs });
    // An abort ends the wait; the loop sees it.
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return result;
    waitMs = Math.min(waitMs * 2, maxWaitMs);
  }
}

const repairing = (message: string): string => `Repairing the damaged Python environment: ${message}`;

async function installOnce(options: InstallWithRetryOptions): Promise<Installation> {
  const { supervisor, venvFolder, searchPath, requirementsFile, signal, clock, onChange } = options;
  let lock: { release(): void } | undefined;
  try {
    if (options.isShared) lock = await lockShared(options);
  } catch (error) {
    return { isInstalled: false, problem: describeSystemProblem(error, hubWords) };
  }
  let step = '';
  let stepStartedAt = clock.now();
  try {
    const present = await findWhole(options);
    if (present) return present;
    return await install({
      supervisor,
      venvFolder,
      searchPath,
      signal,
      ...(requirementsFile !== undefined && { requirementsFile }),
      onProgress(progress) {
        if (progress.step !== step) {
          step = progress.step;
          stepStartedAt = clock.now();
        }
        onChange({ phase: 'installing', ...progress, stepStartedAt });
      },
    });
  } finally {
    lock?.release();
  }
}

/** Waits while another gateway installs into the shared folder. */
async function lockShared({ venvFolder, signal, clock, log, onChange }: InstallWithRetryOptions) {
  const stepStartedAt = clock.now();
  const message = 'Waiting for another installation into the same folder';
  const onWait = (): void => onChange({ phase: 'installing', step: 'waiting', message, progress: 0, stepStartedAt });
  return lockWhenFree(join(dirname(venvFolder), '.installing'), { log, signal, onWait });
}
