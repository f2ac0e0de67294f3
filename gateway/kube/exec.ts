import { Duplex, Readable, Writable } from 'node:stream';
import type { KubeSocket, SocketRequest } from './socket.ts';
import { kinds, pathOf } from './kinds.ts';
import { type Status, statusIn } from './faults.ts';

export type ExecOptions = {
  container?: string | undefined;
  /** Program and arguments; no shell reads them. */
  command: readonly string[];
  /** Whether anything is written to it. Default false. */
  stdin?: boolean;
  /** It sees a terminal, of this size at first. Both its outputs are one then: `stdout`. */
  terminal?: TerminalSize;
  signal?: AbortSignal | undefined;
};
type TerminalSize = { columns: number; rows: number };

/** A program that runs in a container. Who does not read what it writes makes it wait. */
export type Execution = {
  stdin: Writable;
  stdout: Readable;
  /** Ends at once where there is a terminal. */
  stderr: Readable;
  resize(size: TerminalSize): void;
  /** How it ended. Without a code: the connection broke, or it could not be begun, and what is said of that. */
  exit: Promise<{ code?: number; message?: string }>;
  /** Hangs up. What becomes of the program is up to its container's runtime: one with a terminal loses that. */
  end(): void;
};

type Open = (asked: SocketRequest) => Promise<KubeSocket>;

const [ofStdin, ofStdout, ofStderr, ofStatus, ofSize, ofEnd] = [0, 1, 2, 3, 4, 255];
/** So much of a write goes into one message. */
const mostFrameBytes = 32 * 1024;

/**
 * Runs a program in a container of a pod (Kubernetes `pods/exec`, `remotecommand` over WebSocket).
 * @throws KnotError KNOT_KUBE_NOT_FOUND, KNOT_KUBE_INVALID (no such container, not running), KNOT_KUBE_FORBIDDEN, KNOT_KUBE_UNREACHABLE …
 */
export async function openExec(
  { namespace, pod }: { namespace: string; pod: string },
  { container, command, stdin = false, terminal, signal }: ExecOptions,
  open: Open,
): Promise<Execution> {
  const socket = await open({
    path: `${pathOf(kinds.pod, namespace, pod)}/exec`,
    query: { container, command, stdin, stdout: true, stderr: terminal === undefined, tty: terminal !== undefined },
    signal,
  });
  const { promise: exit, resolve } = Promise.withResolvers<{ code?: number; message?: string }>();
  const [stdout, stderr] = [readableOn(socket), readableOn(socket)];
  if (terminal !== undefined) stderr.push(null);
  const input = new Writable({
    write: (chunk: Buffer, _encoding, done) => sendOn(socket, ofStdin, chunk, done),
    // Version 5 of the protocol can say that no more comes.
    final: (done) => (socket.protocol.startsWith('v5') ? socket.send(Buffer.of(ofEnd, ofStdin), done) : done()),
  });
  input.on('error', () => undefined);
  const resize = ({ columns, rows }: TerminalSize) =>
    socket.send(frame(ofSize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))), () => undefined);

  socket.on('message', (data: Buffer) => {
    const channel = data[0];
    const bytes = data.subarray(1);
    if (channel === ofStdout) take(socket, stdout, bytes);
    else if (channel === ofStderr) take(socket, stderr, bytes);
    else if (channel === ofStatus) {
      resolve(endOf(statusIn(bytes.toString('utf8'))));
      socket.close();
    }
  });
  socket.once('close', () => {
    resolve({ message: 'the connection to the container broke' });
    input.destroy();
    for (const stream of [stdout, stderr]) if (!stream.readableEnded) stream.push(null);
  });
  if (terminal !== undefined) resize(terminal);
  socket.resume();
  return { stdin: input, stdout, stderr, resize, exit, end: () => hangUp(socket) };
}

/**
 * A connection to a port of a pod, by way of the API server and its node (Kubernetes `pods/portforward`).
 * @throws KnotError as `openExec`
 */
export async function openPortForward(
  { namespace, pod, port, signal }: { namespace: string; pod: string; port: number; signal?: AbortSignal | undefined },
  open: Open,
): Promise<Duplex> {
  const path = `${pathOf(kinds.pod, namespace, pod)}/portforward`;
  const socket = await open({ path, query: { ports: port }, signal });
  const [ofData, ofFault] = [0, 1];
  const stream: Duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => sendOn(socket, ofData, chunk, done),
    final: (done) => {
      done();
      hangUp(socket);
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  // The first message of each channel says its port.
  const begun = new Set<number>();
  socket.on('message', (data: Buffer) => {
    const channel = data[0]!;
    if (!begun.has(channel)) return void begun.add(channel);
    if (channel === ofData) take(socket, stream, data.subarray(1));
    else if (channel === ofFault && data.length > 1) stream.destroy(new Error(data.subarray(1, 500).toString('utf8')));
  });
  socket.once('close', () => {
    if (!stream.readableEnded) stream.push(null);
  });
  socket.resume();
  return stream;
}

const frame = (channel: number, bytes: Buffer): Buffer => Buffer.concat([Buffer.of(channel), bytes]);

function sendOn(socket: KubeSocket, channel: number, chunk: Buffer, done: (error?: Error | null) => void): void {
  for (let from = 0; ; from += mostFrameBytes) {
    const to = from + mostFrameBytes;
    const bytes = frame(channel, chunk.subarray(from, to));
    if (to >= chunk.length) return socket.send(bytes, done);
    socket.send(bytes, () => undefined);
  }
}

const readableOn = (socket: KubeSocket): Readable => new Readable({ read: () => socket.resume() });

/** The socket is not read on while nobody takes what came. */
function take(socket: KubeSocket, stream: Readable, bytes: Buffer): void {
  if (!stream.readableEnded && !stream.destroyed && !stream.push(bytes)) socket.pause();
}

function hangUp(socket: KubeSocket): void {
  socket.resume();
  socket.close();
  setTimeout(() => socket.terminate(), 1000).unref();
}

/** What the API server says of how a program ended (`metav1.Status`, its exit code among the causes). */
function endOf({ reason, message, details, ...status }: Status & { status?: string }): {
  code?: number;
  message?: string;
} {
  if (status.status === 'Success') return { code: 0 };
  const said = message === undefined ? {} : { message };
  if (reason !== 'NonZeroExitCode') return said;
  const causes = (details?.causes ?? []) as { reason?: string; message?: string }[];
  const code = Number(causes.find((cause) => cause.reason === 'ExitCode')?.message);
  return Number.isInteger(code) ? { code, ...said } : said;
}
