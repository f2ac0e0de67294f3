import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './peers.ts';

/** One self-signed ECDSA P-256 certificate for all proxies. */
export function makeCertificate(folder: string): Certificate {
  // A folder of their own: the gateway watches it, and must not see logs change in there.
  const home = join(folder, 'tls');
  mkdirSync(home, { recursive: true });
  const files = { cert: join(home, 'tls.crt'), key: join(home, 'tls.key') };
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,DNS:*.localhost'],
      ...['-keyout', files.key, '-out', files.cert],
    ],
    { stdio: 'ignore' },
  );
  return files;
}
