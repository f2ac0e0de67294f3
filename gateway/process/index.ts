/**
 * process: child processes that Knot starts for others.
 * Owns: starting, restarting with back-off, stopping (with all descendants), log lines, the bubblewrap sandbox, packages of
 * Python and npm (finding who installs them, installing them, what went wrong in plain words, what is damaged), the way out of a sandbox.
 * Does not own: what they are for (integrations, services).
 * Mounts: nothing.
 */
export { type Account, type AccountBook, accountOf } from './accounts.ts';
export type { Child, ChildSpec, ChildState } from './child-spec.ts';
export type { Conversation } from './conversation.ts';
export { identify, isAlive, type ProcessIdentity, readBootId } from './descendants.ts';
export { type Group, type Groups, openGroups, type Refusals } from './groups.ts';
export { systemEnvironment } from './environment.ts';
export { valuesBelowChild } from './leftovers.ts';
export { listenAt } from './listen-at.ts';
export type { ChildOutput } from './output.ts';
export { processorMs } from './processor-time.ts';
export { createSupervisor, type Supervisor } from './supervisor.ts';
export { cureOf, findSandbox, isExecutable, type Sandbox, type SandboxSearch } from './find-sandbox.ts';
export { type Usage, usagesBelow } from './usage.ts';
export { giveFolder, shareFolder } from './give.ts';
export { type Confinement, sandboxArguments } from './sandbox.ts';
export { createOutboundDial, type OutboundDial } from './outbound/dial.ts';
export { type Asker, createOutbound, type Outbound } from './outbound/outbound.ts';
export { answerPlainly, passOn } from './outbound/pass-on.ts';
export { proxySettings } from './outbound/proxy-settings.ts';
export { findDamage } from './python/damage.ts';
export { findPython, type Python } from './python/find-python.ts';
export {
  findEnvironment,
  type Installation,
  type Installed,
  installEnvironment,
  interpreter,
} from './python/install.ts';
export { installerEnvironment, type InstallProgress, type InstallStep, readableForEverybody } from './installer.ts';
export { findNpm, type Npm } from './npm/find-npm.ts';
export { findNpmDamage, findNpmPackages, installNpmPackages, type NpmInstallation } from './npm/install-npm.ts';
export type { NpmList } from './npm/lock.ts';
export { describePipProblem, describeSystemProblem, lastMeaningfulLine } from './python/pip-problem.ts';
export type { InstallWords, Problem } from './problem.ts';
export { sandboxIn, sandboxRequirements, shipSandbox } from './python/shipped-sandbox.ts';
export { sitePackagesOf } from './python/venv-folder.ts';
