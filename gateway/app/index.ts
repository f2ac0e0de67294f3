/**
 * The door of app for the command line, which must not load a server before it prints its first line: what a command needs of the
 * facts, and what it needs of more than them, loaded when it is asked for; for `main`, how a running gateway gives way to another. The
 * gateway itself is the other door, `app.ts`.
 */
import type { Readable } from 'node:stream';
import type { DecisionExplanation, UrlExplanation } from '../api/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { Addresses } from '../discovery/index.ts';
import type { Config } from '../config/index.ts';
import type { Files } from '../files/index.ts';
import { type Clock, type ComponentHealth, type Log, silentLog, systemClock } from '../lib/index.ts';
import type { Difference, Places } from '../provisioning/index.ts';
import type { Facts } from './facts.ts';
import type { ListedIntegration } from './integrations.ts';
import type { SignedIsolationReport, VerifyOptions } from './isolation.ts';

export type { Facts } from './facts.ts';
export type { SignedIsolationReport } from './isolation.ts';
export { giveWay, stopForRestart } from './restart.ts';
export { readRun, type RunRecord } from './run-record.ts';
export { version } from './version.ts';

/** As `openFacts` of `facts.ts`: what the store holds, without a gateway. */
export async function openFacts(config: Config, options: { clock: Clock; log: Log }): Promise<Facts> {
  return (await import('./facts.ts')).openFacts(config, options);
}

/** As `explainUrl` of `explain.ts`: what the gateway would do with a request, by the policies that lie in the folder now. */
export async function explainUrl(
  facts: Facts,
  config: Config,
  question: { username: string; method: string; url: string },
): Promise<UrlExplanation> {
  return (await import('./explain.ts')).explainUrl(facts, config, question);
}

/** As `explainDecision` of `explain.ts`. */
export async function explainDecision(facts: Facts, config: Config, id: string): Promise<DecisionExplanation> {
  return (await import('./explain.ts')).explainDecision(facts, config, id);
}

/** As `describeIntegration` of `integrations.ts`: what belongs into a tool's own configuration. */
export async function describeIntegration(config: Config, name: string): Promise<string | undefined> {
  return (await import('./integrations.ts')).describeIntegration(config, name);
}

/** As `checkIntegration` of `integrations.ts`: what is right and what is not with a running tool. */
export async function checkIntegration(config: Config, name: string): Promise<ComponentHealth[] | undefined> {
  return (await import('./integrations.ts')).checkIntegration(config, name);
}

/** As `integrationNames` of `integrations.ts`: the tools of a configuration. */
export async function integrationNames(config: Config): Promise<ListedIntegration[]> {
  return (await import('./integrations.ts')).integrationNames(config);
}

/** The files of people and teams for a command on the same machine, beside a gateway that may run; undefined where there are none. */
export async function openFilesBeside({ store, accounts, plans }: Facts, config: Config): Promise<Files | undefined> {
  const { createAllowances } = await import('./allowances.ts');
  const { openPeoplesFiles } = await import('./files.ts');
  const allowanceOf = createAllowances({ accounts, plans });
  return openPeoplesFiles(config, { store, allowanceOf, clock: systemClock, log: silentLog });
}

/** As `exportPerson` of `person-export.ts`: all that is somebody's in Knot, as a zip while it is read. */
export async function exportPerson(facts: Facts, files: Files, name: string): Promise<Readable> {
  return (await import('./person-export.ts')).exportPerson(facts, files, { name, now: systemClock.now() });
}

/** As `prepareTemplate` of `prepare-template.ts`: installs what a template needs before somebody launches it. */
export async function prepareTemplate(
  config: Config,
  id: string,
  progress: { signal: AbortSignal; onProgress(message: string): void },
): Promise<number> {
  return (await import('./prepare-template.ts')).prepareTemplate(config, id, progress);
}

/** What is known of the places of people and teams in the cluster; what is asked of it the gateway hears. */
export async function placesBeside({ store, audit }: Facts): Promise<Places> {
  return (await import('../provisioning/index.ts')).createPlaces({ store, record: audit.record });
}

/** What people made reachable in the cluster by hand, as the gateway saw it last. */
export async function addressesBeside({ store }: Facts): Promise<Addresses> {
  return (await import('../discovery/index.ts')).createAddresses({ store });
}

/** As `differencesBeside` of `kubernetes.ts`: what is not as it shall be in the cluster, by the ids of owners. */
export async function differencesBeside(
  facts: Facts,
  config: Config,
  ids: readonly string[],
): Promise<Map<string, Difference[]>> {
  return (await import('./kubernetes.ts')).differencesBeside(facts, config, ids);
}

/** What can be launched, as the gateway would list it. */
export async function readCatalogue(config: Config): Promise<Catalogue> {
  return (await import('./services.ts')).openCatalogue(config, { clock: systemClock, log: silentLog });
}

/** As `verifyIsolation` of `isolation.ts`: tries on the cluster that people are kept apart there. */
export async function verifyIsolation(
  facts: Facts,
  config: Config,
  options: VerifyOptions,
): Promise<SignedIsolationReport> {
  return (await import('./isolation.ts')).verifyIsolation(facts, config, options);
}
