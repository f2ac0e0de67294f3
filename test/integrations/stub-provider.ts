import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export type StubProvider = { port: number; caFile: string; requests: string[]; close(): Promise<void> };

/**
 * The three endpoints of an OpenID Provider that a hub calls, over TLS with a certificate for `localhost`. A code is the
 * username itself; groups are `knot-admins` for `root1`.
 */
export async function startStubProvider(folder: string): Promise<StubProvider> {
  const { cert, key } = await makeCertificate();
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, cert);
  const requests: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const path = new URL(request.url!, 'https://localhost').pathname;
    requests.push(`${request.method} ${path}`);
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (path === '/oidc/token') {
        const form = new URLSearchParams(body);
        const isComplete = form.get('client_secret') !== null && form.get('code_verifier') !== null;
        response.statusCode = isComplete ? 200 : 400;
        response.end(JSON.stringify({ access_token: form.get('code'), token_type: 'Bearer', scope: 'openid' }));
      } else if (path === '/oidc/me') {
        const name = request.headers.authorization!.replace('Bearer ', '');
        const groups = [`knot:user:${name}`, ...(name === 'root1' ? ['knot-admins'] : [])];
        response.end(JSON.stringify({ sub: `id-${name}`, preferred_username: name, groups }));
      } else response.writeHead(404).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    caFile,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function makeCertificate(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys: keys as x509.X509CertificateCreateSelfSignedParams['keys'],
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n`;
  return { cert: `${certificate.toString('pem')}\n`, key };
}
