import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCommand } from '../../gateway/cli/index.ts';
import type { Test } from 'tap';

const main = join(import.meta.dirname, '..', '..', 'gateway', 'main.ts');

export type Ended = { status: number | null; stdout: string; stderr: string };

/** Another machine: no configuration, no data folder, a home of its own. */
export function createLaptop(t: Test, environment: Record<string, string>) {
  const home = t.testdir({});
  /** As a process of its own, for what is to be killed. */
  const start = (args: string[]) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const ended = Promise.all([exited, text(child.stdout), text(child.stderr)]).then(
      ([status, stdout, stderr]): Ended => ({ status, stdout, stderr }),
    );
    return { child, ended };
  };
  /** One at a time, because an environment is the process's. */
  let last: Promise<unknown> = Promise.resolve();
  const run = (args: string[], more: Record<string, string> = {}, input = ''): Promise<Ended> => {
    const ended = last.then(async () => {
      const [before, folder] = [{ ...process.env }, process.cwd()];
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const shown = Promise.all([text(stdout), text(stderr)]);
      become({ PATH: before['PATH'], HOME: home, ...environment, ...more });
      process.chdir(home);
      try {
        const status = await runCommand(args, { stdin: Readable.from([Buffer.from(input)]), stdout, stderr });
        stdout.end();
        stderr.end();
        const [out, complaints] = await shown;
        return { status, stdout: out, stderr: complaints };
      } finally {
        process.chdir(folder);
        become(before);
      }
    });
    last = ended.catch(() => undefined);
    return ended;
  };
  return {
    home,
    start,
    knot: (...args: string[]) => run(args),
    knotWith: (more: Record<string, string>, ...args: string[]) => run(args, more),
    pipe: (input: string, ...args: string[]) => run(args, {}, input),
  };
}

/** In place: what asks the system for the home does not look at another object. */
function become(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
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
