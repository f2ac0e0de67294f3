/**
 * `npm run bench`: sets up what the benchmark needs (dependencies; the peers as Debian packages, when this is root on a Debian)
 * and runs it on the Node of the dependencies. Peers that are missing are left out of the table.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../gateway/bin/prepare.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const bin = join(root, 'node_modules', '.bin');

await prepare(root, { needsDashboard: false });
installPackages();
const child = spawn(join(bin, 'node'), [join(root, 'test', 'bench', 'run.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
});
// The child ends its servers first; a terminal sends Ctrl-C to it as well.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => (process.exitCode = code ?? 1));

function installPackages() {
  const wanted = [
    ['nginx', '/usr/sbin/nginx'],
    ['haproxy', '/usr/sbin/haproxy'],
    ['caddy', '/usr/bin/caddy'],
    ['wrk', '/usr/bin/wrk'],
    ['nghttp2-client', '/usr/bin/h2load'],
    ['openssl', '/usr/bin/openssl'],
  ];
  const missing = wanted.filter(([, file]) => !existsSync(file)).map(([name]) => name);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  console.log(`Installing ${missing.join(', ')} …`);
  const apt = (...args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      // Only the programs are wanted: their services must not take ports 80 and 443.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  apt('update', '-qq');
  apt('install', '-y', '-qq', '--no-install-recommends', ...missing);
}
