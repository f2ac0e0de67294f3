import type { JsonObject, JsonSchema, ProcessPlan } from '../lib/index.ts';

/** What is wanted of a service; the reconciler makes it so. `asleep`: a visit wakes it; what is `stopped` only its owner starts. */
export type Wish = 'running' | 'asleep' | 'stopped' | 'removed';

/**
 * `requested`: nobody has looked at it yet. `starting`: its program runs and does not answer yet; `waking`: the same after it slept.
 * `ready`: it answered. `failed`: it was given up; the cause says why. Nothing is said to run that does not. What is checked before is
 * checked before there is a record (decision 0086).
 */
export type ServiceState =
  'requested' | 'starting' | 'waking' | 'ready' | 'sleeping' | 'stopping' | 'stopped' | 'failed';

/** Why a service is as it is, for people: what happened, what it means, what to do. */
export type Cause = { code: string; what: string; remedy: string; lines?: readonly string[] };

/** Its own copy of what it was launched from: a template that changes or goes takes nothing with it. */
export type TemplateCopy = {
  id: string;
  name: string;
  title: string;
  version: string;
  /** Of the whole folder; where its files are kept. */
  digest: string;
  schema: JsonSchema;
  /** From which what a person chose differs; of one that was launched before they were kept, nothing is known. */
  defaults?: JsonObject;
  plan: ProcessPlan;
};

/** What a service may take of the machine: processors, bytes of memory. */
export type Size = { name: string; title: string; cpu: number; memory: number };

export type Service = {
  id: string;
  name: string;
  owner: { kind: 'user' | 'team'; id: string; name: string };
  /** Host below the domain of services: `NAME-OWNER`. */
  label: string;
  template: TemplateCopy;
  values: JsonObject;
  /** Absent from what was launched before there were sizes. */
  size?: Size;
  /** An administrator began it: it may run where there is no sandbox. */
  mayLackSandbox?: boolean;
  /** Which machine runs it: sockets lead nowhere on another. */
  machine: string;
  wish: Wish;
  state: ServiceState;
  /** Since when it is in this state, milliseconds. */
  since: number;
  cause?: Cause;
  /** Grows with each change that asks for a new start. */
  revision: number;
  createdBy: string;
  createdAt: number;
  /** When a person used it last, as far as it is written down. */
  lastUsedAt?: number;
  /** Somebody asked that it stays awake until then. */
  keptUntil?: number;
};

/** One step in the life of a service. */
export type Transition = {
  serviceId: string;
  at: number;
  state: ServiceState | 'removed';
  /** Username, or `system`. */
  actor: string;
  cause?: Cause;
};
