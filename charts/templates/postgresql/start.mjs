/** Makes the database at the first start, then becomes PostgreSQL. Nothing but its socket is listened on; who may open that is its owner. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { buffers: { type: 'string' } } });
const { HOME: home, OFFER: offer, KNOT_USERNAME: owner } = process.env;
const data = join(home, 'data');
const fresh = join(home, 'data.new');
const versionFile = join(data, 'PG_VERSION');
const kept = existsSync(versionFile) ? readFileSync(versionFile, 'utf8').trim() : undefined;

/** Newest first; a database stays with the version that made it. */
const installed = (existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [])
  .filter((version) => existsSync(`/usr/lib/postgresql/${version}/bin/postgres`))
  .sort((a, b) => Number(b) - Number(a))
  .map((version) => ({ version, bin: `/usr/lib/postgresql/${version}/bin` }));
for (const bin of ['/usr/bin', '/usr/local/bin'])
  if (existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres'))) installed.push({ version: undefined, bin });
const chosen =
  kept === undefined ? installed[0] : installed.find(({ version }) => version === undefined || version === kept);
if (chosen === undefined) {
  console.error(
    kept === undefined
      ? 'PostgreSQL is not installed on this machine'
      : `PostgreSQL ${kept}, which made this database, is not installed on this machine`,
  );
  process.exit(127);
}

function run(program, args, input) {
  const { status, error } = spawnSync(join(chosen.bin, program), args, {
    input,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'],
  });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(1);
}

if (kept === undefined) {
  // Renamed when it is whole: what was cut short is begun anew.
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  run('initdb', [
    '-D',
    fresh,
    '--auth=peer',
    '--username',
    owner,
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    '--no-instructions',
  ]);
  run('postgres', ['--single', '-D', fresh, 'postgres'], `create database "${owner}"\n`);
  renameSync(fresh, data);
}
const settings = {
  listen_addresses: '',
  unix_socket_directories: offer,
  unix_socket_permissions: '0700',
  shared_buffers: `${values.buffers}MB`,
};
const env = { ...process.env };
delete env.OFFER;
process.execve(
  join(chosen.bin, 'postgres'),
  ['postgres', '-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
  env,
);
