import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/net/free-port.ts';

export const tokenService = 'harbor-registry';
export const tokenIssuer = 'harbor-token-issuer';

export type Registry = { origin: string; stop(): Promise<void> };

/** Why there is no registry here; undefined when there is one (Debian's docker-registry). */
export const registryMissing = (): string | undefined =>
  existsSync('/usr/bin/docker-registry') ? undefined : 'docker-registry is not installed';

/**
 * A real registry on a loopback port, which takes the tokens that `certificate` (PEM) verifies. Its upload addresses are absolute, made
 * from Host and X-Forwarded-Proto, unless `relativeUrls`.
 */
export async function startRegistry(options: { certificate: string; relativeUrls: boolean }): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-registry-'));
  const port = await freePort();
  const bundle = join(folder, 'token.pem');
  const file = join(folder, 'config.yml');
  writeFileSync(bundle, options.certificate);
  writeFileSync(
    file,
    stringify({
      version: 0.1,
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}`, secret: 'shared-by-replicas', relativeurls: options.relativeUrls },
      auth: {
        // The realm is what Harbor's core says itself, in front of it.
        token: {
          realm: 'http://core/service/token',
          service: tokenService,
          issuer: tokenIssuer,
          rootcertbundle: bundle,
        },
      },
    }),
  );
  const child: ChildProcess = spawn('/usr/bin/docker-registry', ['serve', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr!.on('data', (chunk) => (said += String(chunk)));
  const origin = `http://127.0.0.1:${port}`;
  await eventually(
    () => `the registry answers: ${said}`,
    async () => (await fetch(`${origin}/v2/`).catch(() => undefined))?.status === 401,
  );
  return {
    origin,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
