/**
 * process: child processes that Knot starts for others.
 * Owns: starting, restarting with back-off, stopping (with all descendants), log lines, the bubblewrap sandbox.
 * Does not own: what they are for (integrations, services).
 * Mounts: nothing.
 */
export { type Account, type AccountBook, accountOf } from './accounts.ts';
export type { Child, ChildSpec, ChildState } from './child-spec.ts';
export { type Command, type CommandResult } from './command.ts';
export { identify, isAlive, type ProcessIdentity, readBootId } from './descendants.ts';
export { systemEnvironment } from './environment.ts';
export { valuesBelowChild } from './leftovers.ts';
export { processorMs } from './processor-time.ts';
export { createSupervisor, type Supervisor } from './supervisor.ts';
export { findSandbox, isExecutable, type Sandbox, type SandboxSearch } from './find-sandbox.ts';
export { type Usage, usagesBelow } from './usage.ts';
export { giveFolder, shareFolder } from './give.ts';
export { type Confinement, sandboxArguments, type SandboxPlan } from './sandbox.ts';
