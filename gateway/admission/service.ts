import { readFile } from 'node:fs/promises';
import { type Kube, kinds, type KubeObject } from '../kube/index.ts';
import {
  type Clock,
  type ComponentHealth,
  every,
  type Log,
  type Loop,
  systemTimers,
  type Timers,
} from '../lib/index.ts';
import { readCertificate } from './listener/certificates.ts';
import { holds } from './holds.ts';
import { type Address, registrationName, registrationOf } from './listener/registration.ts';
import { type AdmissionServer, type Callers, type FindGrant, openServer } from './listener/server.ts';
import { applyRules, ownedBy } from './rules/keep.ts';
import type { RuleSettings } from './rules/rule.ts';

export type AdmissionSettings = {
  rules: RuleSettings;
  listen: { host: string; port: number };
  /** Where the API server finds the listener, when not by the Service `knot-admission` beside the gateway. */
  url?: string | undefined;
  /** File of the authority (PEM) whose certificates may call; nobody is asked for one without it. */
  clientCa?: string | undefined;
  clientNames: readonly string[];
};

export type Admission = {
  /** Looks after everything once; throws what failed. Done by itself from `start` on, every minute. */
  look(): Promise<void>;
  start(): void;
  /** Of the listener, once there is one. */
  port(): number | undefined;
  health(): ComponentHealth;
  metrics(): Promise<string>;
  close(): Promise<void>;
};

const secretName = 'knot-admission';
/** Goes with the chart when that is uninstalled, and so does what it owns: no rule and no webhook outlives the gateway. */
const ownerName = 'knot-gateway';
const complaint = 'admission could not be looked after';
const lookMs = 60_000;
/** After a failure. */
const againMs = 5_000;

/**
 * Keeps admission in force: the rules, the certificate in its Secret, the listener, and what tells the API server to ask it. Every
 * replica does the same, and each finds what another one made. Whatever fails is tried again; the gateway starts without.
 */
export function createAdmission(options: {
  kube: Kube;
  settings: AdmissionSettings;
  findGrant: FindGrant;
  clock: Clock;
  log: Log;
  timers?: Timers;
}): Admission {
  const { kube, settings, findGrant, clock, log, timers = systemTimers } = options;
  const { gatewayNamespace } = settings.rules;
  const address: Address =
    settings.url === undefined
      ? { service: { namespace: gatewayNamespace, name: 'knot-admission' } }
      : { url: settings.url };
  const host = hostOf(address);
  let server: AdmissionServer | undefined;
  let shown = '';
  let problem: string | undefined = 'It has not begun yet.';
  let hasRules = false;
  let lookedAt = 0;
  let first: Promise<void> | undefined;
  let looking: Loop | undefined;

  async function look(): Promise<void> {
    try {
      const owner = await kube.get(kinds.clusterRole, ownerName);
      // First of all: they hold while no gateway runs, too.
      await applyRules(kube, settings.rules, owner);
      hasRules = true;
      const place = { namespace: gatewayNamespace, name: secretName };
      const { leaf, bundle } = await readCertificate(kube, place, { host, clock, log });
      const callers = await readCallers(settings);
      const showing = JSON.stringify([leaf, callers]);
      if (server === undefined)
        server = await openServer({ listen: settings.listen, pair: leaf, callers, findGrant, log });
      else if (showing !== shown) server.swap(leaf, callers);
      shown = showing;
      // Last: the API server asks only where somebody answers.
      await register(bundle, owner);
      problem = undefined;
      lookedAt = clock.now();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  async function register(bundle: string, owner: KubeObject | undefined): Promise<void> {
    const wanted = ownedBy(registrationOf(address, bundle, gatewayNamespace), owner);
    const found = await kube.get(kinds.mutatingWebhook, registrationName);
    if (!holds(found, wanted)) await kube.apply(wanted);
  }

  async function lookIfDue(): Promise<void> {
    const hadProblem = problem !== undefined;
    if (!hadProblem && clock.now() - lookedAt < lookMs) return;
    await look();
    if (hadProblem) log.info({ address }, 'admission is in force');
  }

  return {
    look,
    start() {
      if (settings.clientCa === undefined)
        log.warn(
          { setting: 'kubernetes.admission.clientCa' },
          'whoever reaches the listener for admission may ask which files a namespace has: only the network keeps others away; let the API server show a certificate (AdmissionConfiguration) and name its authority',
        );
      first = lookIfDue().catch((error: unknown) => log.error({ err: error }, complaint));
      looking = every(againMs, lookIfDue, { log, complaint, jitter: 0.1, timers });
    },
    port: () => server?.port,
    health(): ComponentHealth {
      const name = 'admission';
      if (problem === undefined)
        return {
          name,
          status: 'ok',
          message: 'New pods of people and teams get their files; the rules of the cluster are in force.',
        };
      return {
        name,
        status: 'failed',
        message: `${hasRules ? 'New pods of people and teams may not start' : 'The rules of the cluster are not in force'}: ${problem}`,
        remedy: 'See the log of the gateway; it tries again by itself.',
      };
    },
    metrics: async () => (await server?.metrics()) ?? '',
    async close() {
      await first;
      await looking?.stop();
      await server?.close();
    },
  };
}

async function readCallers({ clientCa, clientNames }: AdmissionSettings): Promise<Callers | undefined> {
  return clientCa === undefined ? undefined : { ca: await readFile(clientCa, 'utf8'), names: clientNames };
}

/** What the certificate must be for. */
function hostOf(address: Address): string {
  if ('service' in address) return `${address.service.name}.${address.service.namespace}.svc`;
  const { hostname } = new URL(address.url);
  return ['127.0.0.1', '[::1]'].includes(hostname) ? 'localhost' : hostname;
}
