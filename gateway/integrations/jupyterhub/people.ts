import { join } from 'node:path';
import { type Child, valuesBelowChild } from '../../process/index.ts';

/** Set by the hub for each server. */
const variable = 'JUPYTERHUB_USER';

/** Whose servers run, from the processes of this machine: usernames, sorted. */
export function peopleOf(hub: Child): string[] {
  return usernames(hub.valuesBelow(variable));
}

/** The same, asked by another program than the gateway. */
export function peopleWithServers(dataFolder: string): string[] {
  return usernames(valuesBelowChild(join(dataFolder, 'process'), 'jupyterhub', variable));
}

/** What a person's own program calls itself is no name of a person for that, and nothing to print. */
function usernames(values: readonly string[]): string[] {
  return [...new Set(values.filter((name) => /^[a-z][a-z0-9]{0,29}$/.test(name)))].sort();
}
