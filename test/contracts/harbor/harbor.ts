/**
 * A Harbor 2.15 to test against where there is none: its API v2.0, its sign-in and its token service, written from its documentation
 * and public source, in front of a real registry. What no real one was compared with says `../README.md`.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { selfSignedPair } from '../../support/net/self-signed.ts';
import { answerApi } from './api.ts';
import { createDataPath } from './data-path.ts';
import { createRelyingParty } from './issuer.ts';
import { type Registry, startRegistry } from './registry.ts';
import { createSignIn } from './sign-in.ts';
import { HarborError, newState, type State } from './state.ts';
import { createTokenService } from './tokens.ts';
import { createWho, sessionOf } from './who.ts';

export { registryMissing } from './registry.ts';
export type { State } from './state.ts';

export type ContractHarbor = {
  /** Where it listens: http://127.0.0.1:PORT. */
  origin: string;
  state: State;
  adminPassword: string;
  /** Every request: `METHOD path?query`. */
  asked: string[];
  /** Its own address for clients, which it cannot find out itself (`hostname` and `external_url` of harbor.yml). */
  setExternalUrl(url: string): void;
  /** Certificates it trusts beside the system's, PEM. */
  trust(ca: string): void;
  /** Answers in its place where it returns true; undefined for none. For faults. */
  meddle: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  stop(): Promise<void>;
};

export async function startHarbor({
  adminPassword = 'Harbor12345',
  relativeUrls = false,
  withRegistry = true,
  port = 0,
}: HarborOptions = {}): Promise<ContractHarbor> {
  const state = newState(adminPassword);
  const pair = selfSignedPair();
  const registry: Registry | undefined = withRegistry
    ? await startRegistry({ certificate: pair.cert, relativeUrls })
    : undefined;
  let externalUrl = '';
  let ca: string | undefined;
  const external = (): string => externalUrl;
  const relyingParty = createRelyingParty(() => state.settings, {
    ca: () => ca,
    redirectUri: () => `${externalUrl}/c/oidc/callback`,
  });
  const whoAsks = createWho(state, relyingParty);
  const tokens = await createTokenService(state, pair);
  const signIn = createSignIn(state, relyingParty, external);
  const answerData = createDataPath(state, {
    registry: registry?.origin ?? 'http://127.0.0.1:9',
    tokens,
    externalUrl: external,
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://harbor');
    if (url.pathname.startsWith('/c/') && (await signIn(request, response, url))) return;
    const who = await whoAsks(request, url.pathname);
    if (url.pathname.startsWith('/api/v2.0/')) {
      // What pages of it send back with each change.
      const csrf = sessionOf(state, request)?.csrf;
      if (csrf !== undefined) response.setHeader('x-harbor-csrf-token', csrf);
      return await answerApi(request, response, url, { state, who, relyingParty, externalUrl: external });
    }
    if (url.pathname === '/service/token') {
      // What `helm registry login` tries first must not look like a success.
      if (request.method !== 'GET') throw new HarborError(405, 'METHOD_NOT_ALLOWED', 'method not allowed');
      const body = JSON.stringify(await tokens.answer(who, url.searchParams));
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
      response.end(body);
      return;
    }
    if (url.pathname === '/v2/' || url.pathname === '/v2' || url.pathname.startsWith('/v2/')) {
      return await answerData(request, response, url, who);
    }
    // Its portal: one page for every address.
    const name = who.kind === 'user' ? who.user.username : '';
    const body = `<!doctype html><title>Harbor</title><p id="user">${name}</p>`;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(body);
  }

  const asked: string[] = [];
  const harbor: Pick<ContractHarbor, 'meddle'> = { meddle: undefined };
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (harbor.meddle?.(request, response)) return;
    answer(request, response).catch((error: unknown) => refuse(response, error));
  });
  // A layer takes as long as it takes.
  server.requestTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  externalUrl = origin;
  return Object.assign(harbor, {
    ...{ origin, state, adminPassword, asked },
    setExternalUrl: (url: string) => void (externalUrl = url.replace(/\/$/, '')),
    trust: (pem: string) => void (ca = pem),
    async stop() {
      server.close();
      server.closeAllConnections();
      await registry?.stop();
    },
  });
}

export type HarborOptions = {
  adminPassword?: string;
  /** Whether the registry answers with paths in place of absolute upload addresses. */
  relativeUrls?: boolean;
  withRegistry?: boolean;
  /** For one that comes back where it was. */
  port?: number;
};

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const known = error instanceof HarborError ? error : new HarborError(500, 'UNKNOWN', String(error));
  response.writeHead(known.status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ errors: [{ code: known.code, message: known.message }] }));
}
