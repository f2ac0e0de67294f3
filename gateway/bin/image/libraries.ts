import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The shared libraries that programs and addons of this machine need, with the loader itself, as paths of this machine. The loader of
 * each program is asked, which runs nothing of it (ld.so(8), `--list`).
 * @throws Error where this machine has no GNU C library: an image of it would not run what npm installs
 */
export function librariesOf(files: readonly string[]): string[] {
  const loader = loaders.find((file) => existsSync(file));
  if (loader === undefined)
    throw new Error(
      'the runtime of an image is taken from this machine, which needs the GNU C library; use the Dockerfile',
    );
  const found = new Set<string>([loader]);
  for (const file of files) {
    for (const line of execFileSync(loader, ['--list', file], { encoding: 'utf8' }).split('\n')) {
      const path = /=> (\/\S+) \(/.exec(line)?.[1];
      if (path !== undefined) found.add(path);
      else if (/not found/.test(line)) throw new Error(`${file} needs a library that is not here: ${line.trim()}`);
    }
  }
  const library = [...found].find((path) => /\/libc\.so\.6$/.test(path));
  // How names are looked up is a library that no program names.
  for (const name of ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']) {
    const path = join(dirname(library ?? loader), name);
    if (existsSync(path)) found.add(path);
  }
  return [...found].sort();
}

const loaders = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'];

/** Which package of this system a file belongs to, and its version; undefined where that is not known. */
export function systemPackageOf(file: string): { name: string; version: string } | undefined {
  for (const path of [file, `/usr${file}`]) {
    try {
      const owner = execFileSync('dpkg-query', ['--search', path], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const [name] = owner.split(/[:,]/);
      const format = '--showformat=${Version}';
      const version = execFileSync('dpkg-query', ['--show', format, owner.split(': ')[0]!.split(',')[0]!], {
        encoding: 'utf8',
      });
      return { name: name!, version };
    } catch {
      // Not there, not a Debian, or the folder is a link to another: the next.
    }
  }
  return undefined;
}
