import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ListenOptions } from 'node:net';
import { homedir, networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';

const script = readFileSync(join(import.meta.dirname, 'isolation-probes.py'), 'utf8');

/** What an attacker's code tries to get at; everything of it is really there. */
export type Aims = {
  /** The data folder of the gateway. */
  data: string;
  /** A folder in the home of the gateway's account. */
  home: string;
  /** Files of the gateway and of other people, each with the one text. */
  secrets: string[];
  /** A file of the system that is not there yet. */
  system: string;
  /** Limits of control groups. */
  limits: string[];
  gateway: number;
  ports: [host: string, port: number][];
  sockets: string[];
};

const secret = 'the keys of the house';
/** Of the gateway, in its data folder. */
const kept = ['secret.txt', 'knot.db', 'tls'];
const ofGateway = ['secret.txt', 'knot.db', 'tls/ca.key'];

/**
 * Listeners of this machine on every kind of address, and secrets in a data folder. `files`: further ones below it, of people; `sockets`,
 * `limits`: further ones.
 * Seen to be there by the gateway's own account.
 */
export async function layOut(
  t: Test,
  { data, files, sockets = [], limits = [] }: { data: string; files: string[]; sockets?: string[]; limits?: string[] },
): Promise<Aims> {
  const secrets = [...ofGateway, ...files].map((file) => join(data, file));
  for (const path of secrets) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, secret, { mode: 0o644 });
  }
  const places = process.getuid?.() === 0 ? [tmpdir(), '/run'] : [tmpdir()];
  const home = mkdtempSync(join(homedir(), 'knot-aim-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const folders = places.map((below) => mkdtempSync(join(below, 'knot-aim-')));
  t.teardown(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  const listen = async (options: ListenOptions): Promise<number> => {
    const server = createServer((socket) => socket.end()).listen(options);
    await once(server, 'listening');
    t.teardown(() => void server.close());
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  const ports: [string, number][] = [];
  const outer = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const addresses = outer
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  const hasIpv6 = outer.some(({ address }) => address === '::1');
  for (const host of ['127.0.0.1', ...(hasIpv6 ? ['::1'] : []), ...addresses.slice(0, 1)])
    ports.push([host, await listen({ host, port: 0 })]);
  const own = [...folders.map((folder) => join(folder, 's')), `\0knot-aim-${process.pid}`];
  for (const path of own) await listen({ path });
  return {
    ...{ data, home, secrets, limits, ports, sockets: [...own, ...sockets] },
    system: `/usr/lib/knot-was-here-${process.pid}`,
    gateway: process.pid,
  };
}

/** A program of Python that tries all of it and prints what it `Found`. */
export const probesOf = (aims: Aims): string => `PATHS = ${JSON.stringify(aims)}\n${script}`;

export type Found = Record<string, unknown>;

type Check = (found: unknown) => boolean;
const failsWith =
  (...codes: string[]): Check =>
  (found) =>
    codes.includes(found as string);
const is =
  (wanted: unknown): Check =>
  (found) =>
    found === wanted;
const each =
  (check: Check): Check =>
  (found) =>
    Array.isArray(found) && found.every(check);
const some =
  (check: Check): Check =>
  (found) =>
    Array.isArray(found) && found.some(check);
const notThere = failsWith('ENOENT');
const notAllowed = failsWith('EROFS', 'EACCES', 'EPERM', 'ENOENT');
const unreachable = failsWith('ECONNREFUSED', 'ENOENT', 'EADDRNOTAVAIL', 'ENETUNREACH');
const hasText =
  (text: string): Check =>
  (found) =>
    typeof found === 'string' && found.includes(text);

/** Of each attempt what it comes to inside, and what it comes to where nothing keeps programs apart: that it is one. */
const checks: Record<string, { inside: Check; unprotected: Check }> = {
  // The way to what is shown of it may be there, and nothing beside that.
  data: {
    inside: (found) =>
      notThere(found) || (Array.isArray(found) && !found.some((name) => kept.includes(name as string))),
    unprotected: (found) => Array.isArray(found) && kept.every((name) => found.includes(name)),
  },
  secrets: { inside: each(notThere), unprotected: each(is(secret)) },
  passwords: { inside: failsWith('ENOENT', 'EACCES'), unprotected: hasText('root:') },
  home: { inside: notThere, unprotected: Array.isArray },
  accounts: { inside: (found) => (found as number) <= 3, unprotected: (found) => (found as number) > 3 },
  system: { inside: failsWith('EROFS', 'EACCES'), unprotected: is('done') },
  groups: { inside: each(notAllowed), unprotected: some(is('done')) },
  limits: { inside: each(notAllowed), unprotected: each(is('done')) },
  process: { inside: is(false), unprotected: is(true) },
  signal: { inside: failsWith('ESRCH'), unprotected: is('done') },
  environment: { inside: notThere, unprotected: hasText('PATH=') },
  memory: { inside: notThere, unprotected: is('done') },
  ports: { inside: each(unreachable), unprotected: each(is('connected')) },
  sockets: { inside: each(unreachable), unprotected: each(is('connected')) },
  interfaces: { inside: (found) => (found as string[]).length === 0, unprotected: Array.isArray },
  link: { inside: notThere, unprotected: is(secret) },
  hardLink: { inside: notThere, unprotected: is(secret) },
  rights: { inside: is('0000000000000000'), unprotected: (found) => !is('0000000000000000')(found) },
  noNewRights: { inside: is('1'), unprotected: is('0') },
  root: { inside: notAllowed, unprotected: is('done') },
};

/** Everything that was tried came to what it comes to there. */
export function checkProbes(t: Test, found: Found, where: 'inside' | 'unprotected'): void {
  t.strictSame(Object.keys(found).sort(), Object.keys(checks).sort(), 'each is tried, each is checked');
  for (const [name, check] of Object.entries(checks))
    t.ok(check[where](found[name]), `${where}, ${name}: ${JSON.stringify(found[name])?.slice(0, 300)}`);
}

/** After a run where nothing is refused. */
export function cleanUp({ system }: Aims): void {
  rmSync(system, { force: true });
}
