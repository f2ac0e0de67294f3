import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import t from 'tap';
import { type Certificates, tlsOptions } from '../../gateway/tls/index.ts';

const folders: string[] = [];
t.teardown(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** Gone when the file of tests has ended. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-tls-'));
  folders.push(folder);
  return folder;
}

/** A TLS server as the edge builds it: default context, SNI callback, swap on change. */
export async function serve(certificates: Certificates): Promise<{ server: Server; port: number; close(): void }> {
  const server = createServer({ ...tlsOptions(), ...certificates.current(), SNICallback: certificates.sniCallback });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => socket.write(data));
  });
  server.on('tlsClientError', () => undefined);
  const stop = certificates.onChange(() => server.setSecureContext({ ...tlsOptions(), ...certificates.current() }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close() {
      stop();
      server.close();
    },
  };
}

export type Shake = { ok: true; serial: string; names: string; protocol: string | null } | { ok: false; code: string };

/** One handshake as a verifying client. */
export function handshake(
  port: number,
  options: { servername?: string; ca?: string; maxVersion?: 'TLSv1.1' | 'TLSv1.2'; host?: string },
): Promise<Shake> {
  const { servername, ca, maxVersion, host = '127.0.0.1' } = options;
  return new Promise((resolve) => {
    const socket = connect({
      port,
      host,
      ...(servername === undefined ? {} : { servername }),
      ...(ca === undefined ? {} : { ca }),
      ...(maxVersion === undefined ? {} : { maxVersion, minVersion: 'TLSv1' as const }),
      ...(maxVersion === 'TLSv1.1' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
    });
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      resolve({
        ok: true,
        serial: certificate?.serialNumber ?? '',
        names: certificate?.subjectAltName ?? '',
        protocol: socket.getProtocol(),
      });
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve({ ok: false, code: error.code ?? error.message }));
    socket.once('close', () => resolve({ ok: false, code: 'closed' }));
  });
}

/** The certificate a server shows, unverified: its validity may be moved by a test's clock. */
export async function presented(port: number, servername?: string): Promise<X509Certificate> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...(servername ? { servername } : {}) });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  if (!certificate) throw new Error('no certificate was shown');
  return certificate;
}
