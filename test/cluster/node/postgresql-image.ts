import { execFile } from 'node:child_process';
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Entry, fileAt, filesBelow } from '../../../gateway/bin/image/index.ts';
import { archiveOf, boxEntries, librariesOf } from './images.ts';

const run = promisify(execFile);
const programs = ['initdb', 'postgres', 'pg_isready', 'psql'] as const;

/**
 * The archive of `images.postgresql`: PostgreSQL of this machine beside the commands of busybox. Like the project's own image it has its
 * programs in the PATH and an account 999 of that name; it starts nothing by itself.
 * @param binaries the folder of `initdb` and `postgres` (findPostgres)
 */
export async function postgresqlArchive(binaries: string): Promise<string> {
  const files = await Promise.all(programs.map((name) => realpath(join(binaries, name))));
  return archiveOf('postgresql', ['/bin/busybox', ...files], [boxEntries, () => serverEntries(binaries)], {
    environment: [`PATH=${binaries}:/usr/bin:/bin`],
    user: '999:999',
  });
}

/** At the addresses where they are here: each of its programs finds the others, its library and what it makes databases of from its own. */
async function serverEntries(binaries: string): Promise<Entry[]> {
  const [library, shared] = [await told(binaries, '--pkglibdir'), await told(binaries, '--sharedir')];
  // Compiling queries is most of it (LLVM), and extensions nobody asks for are the rest.
  const modules = (await readdir(library)).filter((name) => /^(dict_snowball|plpgsql)\.so$/.test(name));
  const files = [...programs.map((name) => join(binaries, name)), ...modules.map((name) => join(library, name))];
  return [
    ...(await Promise.all(files.map(async (file) => fileAt(await realpath(file), file.slice(1))))),
    ...(await librariesOf(files)),
    ...filesBelow(shared, shared.slice(1), (path) => /^(man|contrib|extension\/(?!plpgsql))/.test(path)),
    { kind: 'file', path: 'etc/passwd', content: 'postgres:x:999:999::/tmp:/bin/sh\n' },
    { kind: 'file', path: 'etc/group', content: 'postgres:x:999:\n' },
    ...filesBelow('/usr/share/zoneinfo/Etc', 'usr/share/zoneinfo/Etc'),
  ];
}

async function told(binaries: string, which: string): Promise<string> {
  // That of the same version; another one may be the first in the PATH.
  const { stdout } = await run(join(binaries, 'pg_config'), [which]);
  return stdout.trim();
}
