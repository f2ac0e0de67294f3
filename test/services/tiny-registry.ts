import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { settings } from './tiny-index.ts';

export type NpmPackage = { name: string; version: string; files?: Record<string, string>; more?: object };

/**
 * A registry of npm on loopback with these packages, and the setting of npm that leads to it, while the test runs. `token`: what it asks of
 * whoever wants a package.
 */
export async function openRegistry(
  t: Test,
  packages: readonly NpmPackage[],
  { token }: { token?: string } = {},
): Promise<{
  /** Where it is: `//127.0.0.1:4873/`, as settings of npm name it. */
  place: string;
  /** Addresses that were asked for. */
  asked: string[];
  /** A `package-lock.json` of all of these, each at its place. */
  listOf(places: Record<string, { name: string; version: string; integrity?: string }>): string;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-registry-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const made = packages.map((one) => ({ ...one, file: pack(folder, one) }));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    asked.push(url);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'Bearer' });
      return void response.end('{"error":"who is it"}');
    }
    const tarball = made.find(({ file }) => url === `/files/${file}`);
    if (tarball) {
      // As the registry does.
      response.setHeader('cache-control', 'public, immutable, max-age=31557600');
      return void response.end(readFileSync(join(folder, tarball.file)));
    }
    const versions = made.filter(({ name }) => url === `/${name}`);
    if (versions.length === 0) {
      response.writeHead(404, { 'content-type': 'application/json' });
      return void response.end('{"error":"not found"}');
    }
    response.setHeader('content-type', 'application/json');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files`;
    const described = versions.map(({ name, version, file, more }) => [
      version,
      { name, version, ...more, dist: { tarball: `${address}/${file}`, integrity: digestOf(join(folder, file)) } },
    ]);
    response.end(JSON.stringify({ name: versions[0]!.name, versions: Object.fromEntries(described) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  settings(t, {
    npm_config_registry: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    NODE_EXTRA_CA_CERTS: '',
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    asked,
    place: `//127.0.0.1:${(server.address() as AddressInfo).port}/`,
    listOf(places) {
      const entries = Object.entries(places).map(([place, { name, version, integrity }]) => {
        const file = made.find((one) => one.name === name && one.version === version)?.file;
        return [place, { version, integrity: integrity ?? digestOf(join(folder, file!)) }] as const;
      });
      const wanted = Object.values(places).map(({ name, version }) => [name, version]);
      const root = { name: 'x', dependencies: Object.fromEntries(wanted) };
      return JSON.stringify({ lockfileVersion: 3, packages: { '': root, ...Object.fromEntries(entries) } });
    },
  };
}

function pack(folder: string, { name, version, files = {}, more = {} }: NpmPackage): string {
  const file = `${name}-${version}.tgz`;
  const source = join(folder, `${name}-${version}`, 'package');
  for (const [path, text] of Object.entries({ 'package.json': JSON.stringify({ name, version, ...more }), ...files })) {
    mkdirSync(join(source, path, '..'), { recursive: true });
    writeFileSync(join(source, path), text);
  }
  execFileSync('tar', ['-czf', join(folder, file), '-C', join(source, '..'), 'package']);
  return file;
}

const digestOf = (file: string): string => `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
