import type { ComponentHealth, PreparationStep, ProcessPlan, TemplateFolder } from '../lib/index.ts';
import type { Usage } from '../process/index.ts';
import type { ServiceOutput } from './output/pages.ts';
import type { Upstream } from '../routes/index.ts';
import type { Obstacle } from './refusals.ts';
import type { Cause, Service } from './service.ts';
import type { Shell, TerminalSize } from './shell.ts';

/** What an engine sees of a service now. */
export type Observed =
  /** Nothing of it runs. */
  | { phase: 'absent' }
  /** What was started of it is being ended. */
  | { phase: 'ending' }
  /** Its program runs, or is about to be started again, and does not answer. */
  | { phase: 'starting'; revision: number; cause?: Cause }
  | { phase: 'running'; revision: number }
  /** Given up: nothing more is tried before it is stopped. */
  | { phase: 'gone'; revision: number; cause: Cause };

export type { Usage };

/** One step of a start, for the checklist; while it is under way, its title says how far it is. */
export type LaunchStep = PreparationStep & {
  name: 'packages' | 'program' | 'answer' | 'rendered' | 'accepted' | 'image' | 'started';
};

/** What would become a service, before there is a record of it; with `id` a change of the one that is. */
export type Candidate = Pick<Service, 'name' | 'owner' | 'label' | 'template' | 'values' | 'size'> & { id?: string };

/** What must be there for a service and is not. */
export type Missing = { what: string; remedy: string };

/**
 * Something that a cluster has beside processors and memory (`nvidia.com/gpu`): how many there are, how many nobody has, and the same of the
 * one machine that has most.
 */
export type Accelerator = {
  name: string;
  total: number;
  free: number;
  mostTogether: number;
  mostFreeTogether: number;
};

/**
 * What runs services: programs of this machine, or releases in a cluster. Every engine passes the same contract suite
 * (`test/services/engine.ts`). All acts are level-triggered: asking twice is asking once, and what was cut short is asked again.
 */
export type Engine = {
  /** Ends what an earlier run left; before anything is started. */
  tidy(): Promise<void>;
  /** Why a service of this plan cannot run here; empty when it can. `mayLackSandbox`: as the service will have it. */
  missing(plan: ProcessPlan, mayLackSandbox?: boolean): Promise<Missing[]>;
  /**
   * Why one with these values would be refused where it is to run, by the field of the form; asked when nothing else is wrong, as
   * often as somebody types.
   */
  obstacles(candidate: Candidate): Promise<Obstacle[]>;
  /** What there is beside processors and memory, where the engine knows of such. */
  accelerators?(): Promise<readonly Accelerator[]>;
  /** Keeps the files of its template, before its record is written: whatever happens to the template, the service has them. */
  keep(folder: TemplateFolder): Promise<string>;
  /** Takes away the files of templates that were kept before and are none of these, except what was kept just now. */
  keepOnly(digests: ReadonlySet<string>): Promise<void>;
  /** Makes it run as it is described; one that runs by an older revision is replaced. Returns when it was begun, not when it is ready. */
  start(service: Service): Promise<void>;
  /** Ends it with everything it started. */
  stop(service: Pick<Service, 'id'>): Promise<void>;
  /**
   * Whether somebody who connects to what it offers to its owner's other services is to wake it, now that it does not run; `onRing`
   * hears of them. Asked at each look at one that is not to run.
   */
  rest?(service: Service, isAsleep: boolean): Promise<void>;
  onRing?(listener: (serviceId: string) => void): () => void;
  /** Takes away what there is of it, and what was kept of it; what `homeOf` says goes to the trash. Files of its owner stay. */
  remove(service: Service): Promise<void>;
  /** The folder among the files of its owner that it keeps to itself, where it is there; it is not made here. */
  homeOf?(service: Pick<Service, 'id' | 'name'>): string;
  observe(service: Pick<Service, 'id'>): Observed;
  /** Of the start that is under way, or of the last one in this run. */
  steps(service: Pick<Service, 'id'>): readonly LaunchStep[];
  /** Where requests to it go; undefined while that is not known. It may be another place after each start, and while it runs. */
  upstreamOf(service: Pick<Service, 'id'>): Upstream | undefined;
  /** What it said, also while it does not run; kept until it is removed. */
  output(service: Pick<Service, 'id'>): Promise<ServiceOutput>;
  /** A shell in the same surroundings as the service, ended with it; undefined while it does not run. */
  openShell(service: Pick<Service, 'id'>, size: TerminalSize): Promise<Shell | undefined>;
  /** What each service that runs here uses, by its id. */
  usages(): Promise<ReadonlyMap<string, Usage>>;
  /** What it works at without anybody using it, in plain words, as far as its template says how that is found out. */
  busyWith(service: Service): Promise<string | undefined>;
  /** How well what it runs is kept apart and bounded. */
  health(): Promise<ComponentHealth[]>;
  /** Hears of each change of what `observe` says. */
  onChange(listener: (serviceId: string) => void): () => void;
  /** Nothing that may take long is waited for any more: the gateway ends, and `close` follows. */
  quit?(): void;
  /** Ends everything it runs, when the gateway ends. */
  close(): Promise<void>;
};
