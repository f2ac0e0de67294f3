import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningNode } from './start.ts';

/** Where a gateway that runs so finds Helm, which lies where its account cannot go: `kubernetes.helm`. */
export const helmInside = '/mnt/helm';

/**
 * Runs programs of this checkout in the network of the node, as the account that the chart gives the gateway and to which files of
 * people belong; wherever the checkout is. The kubeconfig is then `kubeconfig`, beside the configuration.
 */
export function asPerson({ enterNetwork, programs }: RunningNode, kubeconfig: string) {
  const repository = join(import.meta.dirname, '../../..');
  const place = '/mnt/knot';
  return (command: readonly [string, ...string[]], options: SpawnOptions): ChildProcess => {
    const folder = String(options.cwd);
    writeFileSync(join(folder, 'kubeconfig'), inOneFile(kubeconfig));
    execFileSync('chown', ['-R', '1000:1000', folder]);
    const moved = command.map((word) =>
      word.startsWith(`${repository}/`) ? place + word.slice(repository.length) : word,
    );
    const sees = ['--ro-bind', repository, place, '--ro-bind', programs.helm[0], helmInside];
    const seesCheckout = ['bwrap', '--dev-bind', '/', '/', '--tmpfs', '/mnt', ...sees, '--'];
    const asAccount = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--pdeathsig', 'KILL', '--'];
    const [program, ...args] = [...enterNetwork, ...seesCheckout, ...asAccount, ...moved];
    return spawn(program!, args, options);
  };
}

/** The authority too, whose file is somebody else's. */
function inOneFile(kubeconfig: string): string {
  type Kubeconfig = { clusters: { cluster: { server: string; 'certificate-authority'?: string } }[] };
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  for (const entry of config.clusters) {
    const { 'certificate-authority': file, ...cluster } = entry.cluster;
    const authority = file && { 'certificate-authority-data': readFileSync(file).toString('base64') };
    entry.cluster = { ...cluster, ...authority };
  }
  return JSON.stringify(config);
}
