import { createSecureServer } from 'node:http2';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { Agent, fetch } from 'undici';
import type { User } from '../../../gateway/accounts/index.ts';
import { publicAddress } from '../../../gateway/config/index.ts';
import { createSigningKeys, jwksRoutes } from '../../../gateway/keys/index.ts';
import { type Log, publicError, silentLog, systemClock } from '../../../gateway/lib/index.ts';
import { createOidc, oidcRoutes, type OidcOptions } from '../../../gateway/oidc/index.ts';
import { createCertificates } from '../../../gateway/tls/index.ts';
import { createIdentify } from '../../../gateway/app/identify.ts';
import { openTestFacts } from '../../support/house/facts.ts';
import { type Browser, createBrowser } from './browser.ts';

export type Teardown = { teardown(work: () => unknown): void };

export const hubRedirect = 'https://jupyterhub.localhost/hub/oauth_callback';

/** The provider with everything real below it (store, accounts, sessions, keys, TLS) on a port of its own. */
export async function openHouse(test: Teardown, changes: Partial<OidcOptions> = {}) {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields, message) => void warnings.push(message) };
  const folder = mkdtempSync(join(tmpdir(), 'knot-oidc-'));
  const clock = changes.clock ?? systemClock;
  const certificates = await createCertificates({
    isKnownHost: () => false,
    config: {},
    domain: 'localhost',
    dataFolder: folder,
    clock,
    log: silentLog,
  });
  // As at the edge: HTTP/2 for who offers it (openid-client here), HTTP/1.1 for others (Authlib).
  const server = createSecureServer({ ...certificates.current(), allowHTTP1: true });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const address = publicAddress({ domain: 'localhost' }, port);
  const given = changes.store === undefined ? {} : { store: changes.store };
  const facts = await openTestFacts(test, { clock, ...given });
  const { store, audit, accounts, sessions, connections } = facts;
  const keys = await createSigningKeys({ store, clock, rotationDays: 90, log: silentLog });
  const identify = createIdentify(sessions, accounts);
  const oidcOptions: OidcOptions = {
    store,
    clock,
    keys,
    // Asked at each call, so that a test can stand in between.
    accounts: { principal: (id) => accounts.principal(id), onChange: accounts.onChange },
    identify,
    addressOf: (request) => request.socket.remoteAddress ?? '',
    sessions,
    publicAddress: address,
    sessionSeconds: 7 * 24 * 3600,
    emailVerified: 'proven',
    caPem: undefined,
    configuredClients: [],
    integrationClients: [
      {
        clientId: 'jupyterhub',
        title: 'Notebooks',
        secret: 'hub-secret-0123456789',
        redirectUris: [hubRedirect],
        postLogoutRedirectUris: ['https://jupyterhub.localhost/hub/logout'],
      },
    ],
    audit,
    log,
    ...changes,
  };
  const oidc = await createOidc(oidcOptions);
  const app = Fastify({
    serverFactory: (handler) => server.on('request', handler as never) as never,
    // The edge of the gateway refuses what is not canonical; here Fastify alone stands before the provider.
    routerOptions: { ignoreTrailingSlash: false },
  });
  app.setErrorHandler(async (error, request, reply) => {
    const shown = publicError(error, request.id);
    return await reply.code(shown.statusCode).send({ error: shown });
  });
  await app.register(oidcRoutes, { oidc, origin: address.origin });
  await app.register(jwksRoutes, { keys });
  app.get('/login', async (_request, reply) => await reply.type('text/html').send('<h1>Sign in</h1>'));
  await app.ready();

  const ca = certificates.caPem()!;
  const dispatcher = new Agent({ connect: { ca } });
  const browsers: Browser[] = [];
  test.teardown(async () => {
    for (const browser of browsers) await browser.close();
    await dispatcher.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await app.close();
    await oidc.close();
    await keys.close();
    await sessions.close();
    await certificates.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    ...address,
    port,
    ca,
    caFile: certificates.caFile()!,
    store,
    clock,
    keys,
    accounts,
    sessions,
    connections: await connections(),
    audit,
    oidc,
    app,
    /** What the provider warned of. */
    warnings,
    /** A second provider on the same store, as after a restart or in another replica. */
    restart: (other: Partial<OidcOptions> = {}) => createOidc({ ...oidcOptions, ...other }),
    browser(): Browser {
      const browser = createBrowser(ca);
      browsers.push(browser);
      return browser;
    },
    async person(username: string, isAdmin = false): Promise<User> {
      const email = `${username}@example.org`;
      return await accounts.createUser({ username, email, isAdmin, state: 'active' }, { name: 'test' });
    },
    /** What the login page does after a right password. */
    async signIn(browser: Browser, user: User) {
      const present = (await accounts.findUser(user.id))!;
      const { secret, session } = (await sessions.start({ user: present, device: 'test', address: '127.0.0.1' }))!;
      browser.setCookie(sessions.cookie(secret));
      return session;
    },
    fetch: (url: string | URL, init: Parameters<typeof fetch>[1] = {}) =>
      fetch(url, { dispatcher, redirect: 'manual', ...init }),
  };
}

export type House = Awaited<ReturnType<typeof openHouse>>;
