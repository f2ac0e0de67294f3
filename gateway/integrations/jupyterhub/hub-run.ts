import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { newSecret } from '../../lib/index.ts';
import { choosePorts } from './children.ts';
import type { HubPorts } from './hub-config.ts';

/**
 * What must stay the same for notebook servers that outlive their hub: they call it at its port, and it knows them again by the name of
 * the run (`KnotSpawner` in hub-config.ts).
 */
export type HubRun = {
  ports: HubPorts;
  authToken: string;
  run: string;
  /** Whether this is the run that the servers of an earlier gateway know. */
  isContinued: boolean;
};

/** A run of its own, or the earlier one when servers were left for it and its ports are free. */
export async function beginRun(folder: string, wereServersLeft: boolean): Promise<HubRun> {
  const earlier = wereServersLeft ? readRun(folder) : undefined;
  const ports = await choosePorts(earlier?.ports);
  if (earlier && ports === earlier.ports) return { ...earlier, isContinued: true };
  return { ports, authToken: newSecret(), run: newSecret(), isContinued: false };
}

/** Kept for a gateway that goes on with it. */
export function keepRun(folder: string, { ports, authToken, run }: HubRun): void {
  mkdirSync(dirname(fileIn(folder)), { recursive: true, mode: 0o700 });
  writeFileSync(fileIn(folder), `${JSON.stringify({ ports, authToken, run })}\n`, { mode: 0o600 });
}

function readRun(folder: string): Pick<HubRun, 'ports' | 'authToken' | 'run'> | undefined {
  try {
    const { ports, authToken, run } = JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Partial<HubRun>;
    const { public: front, hub, api } = ports ?? {};
    if (![front, hub, api].every((port) => Number.isInteger(port) && port! > 1023 && port! < 65_536)) return undefined;
    if (typeof authToken !== 'string' || authToken.length < 20 || typeof run !== 'string' || run === '')
      return undefined;
    return { ports: { public: front!, hub: hub!, api: api! }, authToken, run };
  } catch {
    return undefined; // Never written, or cut short by a full disk: the servers are ended.
  }
}

function fileIn(folder: string): string {
  return join(folder, 'hub/run.json');
}
