import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ExecPlugin } from './kubeconfig.ts';

/** What a plugin says Knot is: a token, or a certificate with its key (PEM). */
export type PluginCredential = { token?: string; certificate?: string; key?: string; expiresAt?: number };

const run = promisify(execFile);
const timeoutMs = 30_000;
const mostBytes = 1024 * 1024;

/**
 * Runs a plugin of a kubeconfig, without a shell and with nobody to talk to (`ExecCredential` of `client.authentication.k8s.io`).
 * Settings of Knot itself are not shown to it.
 * @throws Error when it fails, takes too long, or says nothing that can be used
 */
export async function runPlugin({ apiVersion, command, args, env, cluster }: ExecPlugin): Promise<PluginCredential> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('KNOT_'));
  const spec = { interactive: false, ...(cluster !== undefined && { cluster }) };
  const { stdout } = await run(command, args, {
    env: {
      ...Object.fromEntries(own),
      ...env,
      KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind: 'ExecCredential', spec }),
    },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: mostBytes,
  });
  const told = parsed(stdout);
  const { status } = told;
  if (told.kind !== 'ExecCredential' || told.apiVersion !== apiVersion || status === undefined)
    throw new Error(`the plugin did not say an ExecCredential of ${apiVersion}`);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = status;
  if (!token && !(certificate && key))
    throw new Error('the plugin said neither a token nor a certificate with its key');
  const expiresAt = expirationTimestamp === undefined ? NaN : Date.parse(expirationTimestamp);
  return {
    ...(token && { token }),
    ...(certificate && key && { certificate, key }),
    ...(Number.isFinite(expiresAt) && { expiresAt }),
  };
}

type Told = {
  apiVersion?: string;
  kind?: string;
  status?: { token?: string; clientCertificateData?: string; clientKeyData?: string; expirationTimestamp?: string };
};

function parsed(text: string): Told {
  try {
    return (JSON.parse(text) as Told | null) ?? {};
  } catch {
    // What it said may be a secret: it is not repeated.
    throw new Error('what the plugin said is no JSON');
  }
}
