import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { knotError, type Log } from '../../lib/index.ts';
import {
  identify,
  isAlive,
  type ProcessIdentity,
  readBootId,
  systemEnvironment,
  usagesBelow,
} from '../../process/index.ts';

/** How to reach the cluster, as whom: what a kubeconfig for one run says. */
export type HelmAccess = {
  server: URL;
  proxy: URL | undefined;
  authorization: string | undefined;
  tls: {
    ca?: unknown;
    cert?: unknown;
    key?: unknown;
    rejectUnauthorized?: boolean | undefined;
    servername?: string | undefined;
  };
};

export type HelmRun = {
  /** What is to be done, and with what; never a word that begins with a hyphen because somebody typed it. */
  args: readonly string[];
  namespace: string;
  /** On standard input, where an argument is `-`. */
  input?: string;
  timeoutMs: number;
  signal?: AbortSignal;
  /** Of standard output; more ends it. */
  mostBytes?: number;
};

export type Helm = {
  /** `4.2.4`; undefined with the reason when there is none that can be used. */
  version(): Promise<{ version: string } | { missing: string }>;
  /** Whether it is of the fourth generation, whose flags have other names. */
  isFour(): Promise<boolean>;
  /** Resolves with standard output. @throws HelmFailure */
  run(run: HelmRun): Promise<string>;
  /** Ends what an earlier run of the gateway left and takes its files away. */
  tidy(): Promise<void>;
};

/** Helm said no, was too slow, too large, or ended by somebody. */
export class HelmFailure extends Error {
  readonly kind: 'refused' | 'slow' | 'large' | 'ended';
  constructor(kind: HelmFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

const usualBytes = 4 * 1024 * 1024;
const mostErrorBytes = 64 * 1024;
/** A chart may compute for ever and fill the memory of whoever renders it. */
const mostMemory = 1024 ** 3;
const lookMs = 200;
const oldest = { 3: 21, 4: 0 } as const;

/**
 * Runs the Helm program: by argv alone, with folders of its own, a kubeconfig that only it reads and that says whom it acts as, and
 * nothing else of the gateway's environment. Bounded in time, in memory and in what it says; its whole process group ends with it.
 * `folder`: of the gateway alone.
 */
export function createHelm(options: {
  program: string;
  folder: string;
  access(): Promise<HelmAccess>;
  /** Whom it acts as in a namespace. */
  userOf(namespace: string): string;
  log: Log;
}): Helm {
  const { program, folder, access, userOf, log } = options;
  let known: Promise<{ version: string } | { missing: string }> | undefined;

  async function version(): Promise<{ version: string } | { missing: string }> {
    try {
      const said = await execute({ args: ['version', '--template', '{{.Version}}'], timeoutMs: 10_000 }, {});
      const [, major, minor] = /^v(\d+)\.(\d+)\.\d+/.exec(said.trim()) ?? [];
      const least = major === '3' || major === '4' ? oldest[major] : undefined;
      if (least === undefined || Number(minor) < least)
        return { missing: `Helm at ${program} is ${said.trim().slice(0, 40)}; 3.21 or 4 is needed.` };
      return { version: said.trim().slice(1) };
    } catch (error) {
      log.warn({ err: error, program }, 'Helm cannot be used');
      return { missing: `There is no Helm program at ${program}.` };
    }
  }
  const versionOnce = (): ReturnType<typeof version> => {
    known ??= version().then((found) => {
      // Somebody may install it meanwhile.
      if ('missing' in found) known = undefined;
      return found;
    });
    return known;
  };

  async function inNamespace(run: HelmRun): Promise<string> {
    const scratch = await scratchFolder();
    try {
      const kubeconfig = join(scratch, 'kubeconfig');
      const content = kubeconfigOf(await access(), { user: userOf(run.namespace), namespace: run.namespace });
      await writeFile(kubeconfig, content, { mode: 0o600 });
      const args = [...run.args, '--namespace', run.namespace];
      return await execute({ ...run, args }, { KUBECONFIG: kubeconfig }, (pid) => note(scratch, pid));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async function scratchFolder(): Promise<string> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return mkdtemp(join(folder, 'run-'));
  }

  function execute(
    { args, input = '', timeoutMs, signal, mostBytes = usualBytes }: Omit<HelmRun, 'namespace'>,
    environment: Record<string, string>,
    onBegun?: (pid: number) => void,
  ): Promise<string> {
    const homes = {
      HOME: folder,
      HELM_CACHE_HOME: join(folder, 'cache'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_DATA_HOME: join(folder, 'data'),
      HELM_PLUGINS: join(folder, 'plugins'),
      // Soft, so that it tries before it is ended.
      GOMEMLIMIT: String(Math.floor(mostMemory * 0.8)),
    };
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        env: { ...systemEnvironment(), ...homes, ...environment },
        cwd: '/',
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own: what it starts ends with it.
        detached: true,
      });
      if (child.pid !== undefined) onBegun?.(child.pid);
      let failure: HelmFailure | undefined;
      const end = (kind: HelmFailure['kind'], message: string): void => {
        failure ??= new HelmFailure(kind, message);
        endGroup(child.pid);
      };
      const timer = setTimeout(() => end('slow', `it took longer than ${Math.round(timeoutMs / 1000)} s`), timeoutMs);
      const watch = setInterval(() => {
        const memory = child.pid === undefined ? 0 : (usagesBelow([child.pid]).get(child.pid)?.memory ?? 0);
        if (memory > mostMemory) end('large', 'it needed more memory than a chart may');
      }, lookMs);
      const onAbort = (): void => end('ended', 'it was ended');
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted) onAbort();
      const out = collect(child.stdout, mostBytes, () => end('large', 'it rendered more than a release may hold'));
      const err = collect(child.stderr, mostErrorBytes, () => undefined);
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      const settle = (): void => {
        clearTimeout(timer);
        clearInterval(watch);
        signal?.removeEventListener('abort', onAbort);
      };
      child.once('error', (error) => {
        settle();
        reject(failure ?? new HelmFailure('refused', error.message));
      });
      child.once('close', (code) => {
        settle();
        if (failure !== undefined) return reject(failure);
        if (code === 0) return resolve(out());
        reject(new HelmFailure('refused', err().trim() || `it ended with exit code ${code}`));
      });
    });
  }

  return {
    version: versionOnce,
    async isFour() {
      const found = await versionOnce();
      if ('missing' in found)
        throw knotError('KNOT_SERVICES_NO_HELM', 503, found.missing, {
          remedy: 'An administrator installs it, or names it as kubernetes.helm in knot.yaml.',
        });
      return found.version.startsWith('4.');
    },
    run: inNamespace,
    async tidy() {
      for (const name of await readdir(folder).catch(() => []))
        if (name.startsWith('run-')) {
          endNoted(join(folder, name));
          await rm(join(folder, name), { recursive: true, force: true });
        }
    },
  };
}

/** Which process works in a folder: a gateway that is killed takes none with it. */
function note(scratch: string, pid: number): void {
  const identity = identify(pid);
  if (identity !== undefined)
    writeFileSync(join(scratch, noteFile), JSON.stringify({ ...identity, bootId: readBootId() }));
}

/** Only that very process, of this run of the machine: its number may be another one's by now. */
function endNoted(scratch: string): void {
  try {
    const noted = JSON.parse(readFileSync(join(scratch, noteFile), 'utf8')) as ProcessIdentity & { bootId: string };
    if (noted.bootId === readBootId() && isAlive(noted)) endGroup(noted.pid);
  } catch {
    // It had not begun.
  }
}

const noteFile = 'process.json';

function collect(stream: NodeJS.ReadableStream, most: number, onMore: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > most) return onMore();
    chunks.push(chunk);
  });
  stream.on('error', () => undefined);
  return () => Buffer.concat(chunks).toString('utf8');
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended, with all that it started.
  }
}

/** `v1` Config of client-go, as JSON, which is YAML. */
function kubeconfigOf(
  { server, proxy, authorization, tls }: HelmAccess,
  { user, namespace }: { user: string; namespace: string },
): string {
  const pem = (value: unknown): string | undefined =>
    value === undefined ? undefined : Buffer.from(value as string | Uint8Array).toString('base64');
  const token = authorization?.startsWith('Bearer ') ? authorization.slice(7) : undefined;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'knot',
        cluster: {
          server: server.href.replace(/\/$/, ''),
          'proxy-url': proxy?.href,
          'certificate-authority-data': pem(tls.ca),
          'insecure-skip-tls-verify': tls.rejectUnauthorized === false ? true : undefined,
          'tls-server-name': tls.servername,
        },
      },
    ],
    users: [
      {
        name: 'knot',
        user: { token, 'client-certificate-data': pem(tls.cert), 'client-key-data': pem(tls.key), as: user },
      },
    ],
    contexts: [{ name: 'knot', context: { cluster: 'knot', user: 'knot', namespace } }],
    'current-context': 'knot',
  });
}
