import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';

const main = join(import.meta.dirname, '..', '..', 'gateway', 'main.ts');

export type Ended = { status: number | null; stdout: string; stderr: string };

/** Another machine: no configuration, no data folder, a home of its own. */
export function createLaptop(t: Test, environment: Record<string, string>) {
  const home = t.testdir({});
  const start = (args: string[], more: Record<string, string> = {}, input?: string) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, ...environment, ...more },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    child.stdin.on('error', () => undefined).end(input);
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const ended = Promise.all([exited, text(child.stdout), text(child.stderr)]).then(
      ([status, stdout, stderr]): Ended => ({ status, stdout, stderr }),
    );
    return { child, ended };
  };
  return {
    home,
    start,
    knot: (...args: string[]) => start(args).ended,
    knotWith: (more: Record<string, string>, ...args: string[]) => start(args, more).ended,
    pipe: (input: string, ...args: string[]) => start(args, {}, input).ended,
  };
}

/** Everything below a folder, names as bytes: `name → content`, `undefined` for a folder. */
export function treeOf(folder: Buffer, prefix = ''): Record<string, string | undefined> {
  const tree: Record<string, string | undefined> = {};
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const path = Buffer.concat([folder, Buffer.from('/'), name]);
    const key = `${prefix}${name.toString('latin1')}`;
    if (lstatSync(path).isDirectory()) Object.assign(tree, { [key]: undefined }, treeOf(path, `${key}/`));
    else tree[key] = readFileSync(path, 'latin1');
  }
  return tree;
}

/**
 * A line between a machine and the gateway that can be cut. `limit`: bytes of one connection towards the gateway (`up`) or back (`down`)
 * after which it is cut, as often as `cuts` says.
 */
export async function createLine(t: Test, port: number) {
  const line = { up: Infinity, down: Infinity, cuts: 0, sent: 0, port: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    const count = (from: Socket, to: Socket, way: 'up' | 'down') => {
      let seen = 0;
      from.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (way === 'up') line.sent += chunk.length;
        if (line.cuts > 0 && seen > line[way]) {
          line.cuts -= 1;
          return end();
        }
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('error', end).on('close', end);
      sockets.add(from);
    };
    count(client, upstream, 'up');
    count(upstream, client, 'down');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  line.port = (server.address() as { port: number }).port;
  return line;
}
