import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Certificate } from './peers.ts';

/** One self-signed ECDSA P-256 certificate for all proxies. */
export function makeCertificate(folder: string): Certificate {
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
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
