import type { Test } from 'tap';
import { createManualClock, silentLog, type JsonObject } from '../../gateway/lib/index.ts';
import { createServices, type Engine, type NewService, type ServicesOptions } from '../../gateway/services/index.ts';
import type { Observed } from '../../gateway/services/engine.ts';
import type { LaunchableTemplate } from '../../gateway/services/template.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { idleEngine, plainTemplate as first } from './idle-engine.ts';
import type { Store } from '../../gateway/store/index.ts';

/** Records of services with an engine that runs nothing; what the catalogue has and the engine does is in the test's hands. */
export async function openRecords(t: Test, store: Store) {
  const clock = createManualClock();
  const facts = await openTestFacts(t, { clock, log: silentLog, store });
  const { accounts } = facts;
  const ann = await accounts.createUser(
    { username: 'ann', email: 'ann@example.org', state: 'active' },
    { name: 'test' },
  );
  const begun: string[] = [];
  const kept: ReadonlySet<string>[] = [];
  /** What the catalogue has today. */
  const house: {
    template: LaunchableTemplate | undefined;
    observed: Observed;
    hasSandbox: boolean;
    starts: boolean;
    tidies: boolean;
  } = {
    template: first,
    observed: { phase: 'absent' },
    hasSandbox: true,
    starts: true,
    tidies: true,
  };
  const engine: Engine = {
    ...idleEngine,
    keep: async () => `digest of ${house.template?.version}`,
    async start({ id }) {
      if (!house.starts) throw new Error('nothing can be started');
      begun.push(id);
    },
    observe: () => house.observed,
    missing: async (_plan, mayLackSandbox) =>
      house.hasSandbox || mayLackSandbox ? [] : [{ what: 'There is no sandbox.', remedy: 'Install one.' }],
    async keepOnly(digests) {
      if (!house.tidies) throw new Error('the disk is full');
      kept.push(digests);
    },
  };
  const routes = {
    put: async () => undefined,
    remove: async () => undefined,
    isTaken: (label: string) => label === 'app-ann',
  };
  const metricsFolder = t.testdir();
  const make = (more: Partial<ServicesOptions> = {}) =>
    createServices({
      ...{ store, engine, routes, clock, log: silentLog },
      machine: 'm',
      metricsFolder,
      sizes: [{ name: 'small', title: 'Small', cpu: 1, memory: 1024 }],
      whole: { cpu: 1000, memory: 1e9 },
      limitsOf: async () => ({}),
      templates: { find: async (id) => (id === 'web' ? house.template : undefined) },
      isActive: async () => true,
      idleSecondsOf: async () => [],
      record: facts.audit.record,
      ...more,
    });
  const services = make();
  t.teardown(() => services.close());
  const owner = { kind: 'user' as const, id: ann.id, name: 'ann' };
  const wanted = (name: string, values: JsonObject = {}): NewService => ({ template: 'web', name, owner, values });
  return { begun, house, kept, metricsFolder, clock, services, make, wanted, owner, by: { actor: 'ann' }, facts };
}
