import type { Readable } from 'node:stream';
import { type Execution, isKubeFault, type Kube } from '../../kube/index.ts';
import type { Shell, TerminalSize } from '../shell.ts';

/** The first of these that an image has; the name is an argument, never a line. */
const shells = ['/bin/bash', '/bin/sh'] as const;

/** Says which process it is, in a line, and becomes the shell that is its argument. */
const begin = 'echo $$; exec "$0"';
/**
 * Ends what was begun on a terminal: every process of its session, whose number is that of the shell (`proc(5)`: after the name in brackets
 * come state, parent, group, session). Nothing but a shell is needed for it.
 */
const endSession = `for file in /proc/[0-9]*/stat; do
  read -r line 2>/dev/null <"$file" || continue
  process=\${file#/proc/}
  session=$1
  set -- "$session" \${line##*) }
  [ "$5" = "$session" ] && kill -KILL "\${process%/stat}"
done 2>/dev/null`;
const patienceMs = 10_000;

/** A shell in a container, as its owner; undefined where its image has none, or it does not run any more. */
export async function openShellIn(
  kube: Kube,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
  size: TerminalSize,
): Promise<Shell | undefined> {
  for (const program of shells) {
    // Asked first: what is not there ends a terminal at once, and whoever looks at it sees nothing.
    if (!(await canRun(kube, { namespace, pod, container }, program))) continue;
    const command = [program, '-c', begin, program];
    const execution = await kube.exec(namespace, pod, { container, command, stdin: true, terminal: size });
    const session = await sessionOf(execution.stdout);
    return shellOf(execution, async () => {
      if (session === undefined) return;
      const signal = AbortSignal.timeout(patienceMs);
      const ending = [program, '-c', endSession, program, session];
      await finished(await kube.exec(namespace, pod, { container, command: ending, signal }));
    });
  }
  return undefined;
}

async function canRun(
  kube: Kube,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
  program: string,
): Promise<boolean> {
  try {
    return (await finished(await kube.exec(namespace, pod, { container, command: [program, '-c', 'exit 0'] }))) === 0;
  } catch (error) {
    if (isKubeFault(error, 'KNOT_KUBE_NOT_FOUND') || isKubeFault(error, 'KNOT_KUBE_INVALID')) return false;
    throw error;
  }
}

/** Its exit code, when it has ended. */
async function finished({ stdout, stderr, exit, end }: Execution): Promise<number | undefined> {
  stdout.resume();
  stderr.resume();
  const { code } = await exit;
  end();
  return code;
}

/** The number that `begin` says; what comes after it is left to be read. Undefined where the shell ends before. */
function sessionOf(stdout: Readable): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = Buffer.alloc(0);
    const take = (bytes: Buffer): void => {
      said = Buffer.concat([said, bytes]);
      const end = said.indexOf('\n');
      if (end === -1 && said.length < 100) return;
      stdout.off('data', take);
      stdout.pause();
      const [, session] = /^(\d{1,10})\r?$/.exec(said.subarray(0, Math.max(end, 0)).toString('latin1')) ?? [];
      const rest = session === undefined ? said : said.subarray(end + 1);
      if (rest.length > 0) stdout.unshift(rest);
      resolve(session);
    };
    stdout.on('data', take);
    stdout.once('end', () => resolve(undefined));
  });
}

/** `endAll`: hanging up is not enough, neither the runtime nor what was begun need care for it. */
function shellOf({ stdin, stdout, resize, exit, end }: Execution, endAll: () => Promise<void>): Shell {
  stdin.on('error', () => undefined);
  stdout.on('error', () => undefined);
  const endOnce = once(() => endAll().catch(() => undefined));
  // Without a code the connection broke, and nobody sees any more what goes on there.
  void exit.then(({ code }) => (code === undefined ? endOnce() : undefined));
  return {
    write: (bytes) => (stdin.writable ? stdin.write(bytes) : true),
    onDrain: (listener) => void stdin.on('drain', listener),
    onData(listener) {
      stdout.on('data', listener);
      stdout.resume();
    },
    pause: () => void stdout.pause(),
    resume: () => void stdout.resume(),
    resize,
    ended: exit.then(({ code }) => code),
    async end() {
      await endOnce();
      end();
      await exit;
    },
  };
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}
