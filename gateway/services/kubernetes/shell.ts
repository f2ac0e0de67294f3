import { type Execution, isKubeFault, type Kube } from '../../kube/index.ts';
import type { Shell, TerminalSize } from '../shell.ts';

/** The first of these that an image has; the name is an argument, never a line. */
const shells = ['/bin/bash', '/bin/sh'] as const;

/** A shell in a container, as its owner; undefined where its image has none, or it does not run any more. */
export async function openShellIn(
  kube: Kube,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
  size: TerminalSize,
): Promise<Shell | undefined> {
  for (const program of shells) {
    // Asked first: what is not there ends a terminal at once, and whoever looks at it sees nothing.
    if (!(await canRun(kube, { namespace, pod, container }, program))) continue;
    const execution = await kube.exec(namespace, pod, { container, command: [program], stdin: true, terminal: size });
    return shellOf(execution);
  }
  return undefined;
}

async function canRun(
  kube: Kube,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
  program: string,
): Promise<boolean> {
  try {
    const tried = await kube.exec(namespace, pod, { container, command: [program, '-c', 'exit 0'] });
    tried.stdout.resume();
    tried.stderr.resume();
    const { code } = await tried.exit;
    tried.end();
    return code === 0;
  } catch (error) {
    if (isKubeFault(error, 'KNOT_KUBE_NOT_FOUND') || isKubeFault(error, 'KNOT_KUBE_INVALID')) return false;
    throw error;
  }
}

function shellOf({ stdin, stdout, resize, exit, end }: Execution): Shell {
  stdin.on('error', () => undefined);
  stdout.on('error', () => undefined);
  return {
    write: (bytes) => (stdin.writable ? stdin.write(bytes) : true),
    onDrain: (listener) => void stdin.on('drain', listener),
    onData: (listener) => void stdout.on('data', listener),
    pause: () => void stdout.pause(),
    resume: () => void stdout.resume(),
    resize,
    ended: exit.then(({ code }) => code),
    async end() {
      end();
      await exit;
    },
  };
}
