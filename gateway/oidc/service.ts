import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { PublicAddress } from '../config/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import {
  type AuditEntry,
  type Clock,
  every,
  type Identify,
  type IdentifyBearer,
  type Log,
  type Principal,
  type Session,
} from '../lib/index.ts';
import { settingOnce, type Store, type Transaction } from '../store/index.ts';
import { createIdentifyAccess } from './access.ts';
import { createAdapter } from './adapter.ts';
import { asItWas, createTellingAway, tellingAwayIn } from './away.ts';
import { createSessionBinding } from './binding.ts';
import { type Clients, type ClientsOptions, createClients } from './clients.ts';
import { commandLineClient, createDeviceFlow } from './device.ts';
import { createClientDirectory } from './directory.ts';
import { createInteractions, type Interactions } from './interactions.ts';
import { loadProviderLibrary } from './library.ts';
import type { ClientFacts } from './metadata.ts';
import { mountRequest } from './mount.ts';
import { createLogoutNotices, type LogoutNotice } from './notices.ts';
import { createOutbound } from './outbound.ts';
import { createPostedRequests, type PostedRequests } from './posted.ts';
import { buildProvider } from './provider.ts';
import { createRecords } from './records.ts';

/** A client that configuration brings; `secret` is read already (undefined: public). */
export type ConfiguredClient = ClientFacts;

/** A tool that Knot itself signs people into (`IntegrationClient` of `integrations`, handed over by `app.ts`). */
export type IntegratedClient = {
  clientId: string;
  title: string;
  secret: string;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  backchannelLogoutUri?: string;
  offlineDays?: number;
};

export type OidcOptions = {
  store: Store;
  clock: Clock;
  keys: SigningKeys;
  accounts: {
    principal(userId: string): Promise<Principal | undefined>;
    onChange(listener: (userId: string) => void): () => void;
  };
  identify: Identify;
  /** The client's address, through trusted proxies. */
  addressOf(request: IncomingMessage): string;
  sessions: {
    onEnded(listener: (centralId: string) => void): () => void;
    end(id: string, by: { actor: string; reason: string }): Promise<boolean>;
    hold(transaction: Transaction, session: Pick<Session, 'centralId' | 'userId'>): Promise<boolean>;
    /** Which of these central sessions live; asked at the start, to forget those that ended while no gateway ran. */
    living(centralIds: readonly string[]): Promise<ReadonlySet<string>>;
  };
  publicAddress: PublicAddress;
  /** Longest life of a Knot session (`sessions.absoluteSeconds`). */
  sessionSeconds: number;
  /** Whose address is told to be verified (`oidc.emailVerified`): who proved it, or everybody. */
  emailVerified: 'proven' | 'all';
  /** Knot's own certificate authority, for clients behind this gateway that are told of a sign-out. */
  caPem: string | undefined;
  configuredClients: readonly ConfiguredClient[];
  integrationClients: readonly IntegratedClient[];
  audit: { append(entry: AuditEntry): Promise<void>; record: ClientsOptions['record'] };
  /** Hears of each code that a client was given tokens for. */
  onSignIn?(userId: string, clientId: string): void;
  log: Log;
};

export type Oidc = {
  /**
   * What must happen before the provider takes over a request: pins host and scheme to the issuer's, cuts the mount path and
   * binds the browser's session. May throw; `handle` does not.
   * @param path the address below the issuer, with the query
   */
  prepare(request: IncomingMessage, response: ServerResponse, path: string): Promise<void>;
  /** Lets the provider answer a prepared request. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  interactions: Interactions;
  /** Whose program shows an access token that `knot login` was given; of a person who is active. */
  identifyAccess: IdentifyBearer;
  posted: PostedRequests;
  clients: Clients;
  /** Makes the provider anew, with the present keys. */
  reload(): void;
  /** Deletes what has expired; called by a timer and by tests. */
  sweep(): Promise<void>;
  /** Tells clients of ended sessions what is due by the clock; called by a timer and by tests. */
  deliverNotices(): Promise<void>;
  close(): Promise<void>;
};

const sweepMs = 10 * 60 * 1000;
const lookedAtOnce = 200;
/** Whoever begins to sign in leaves a few hundred bytes for an hour or longer: so many begin at once, whoever they are. */
const mostAnonymous = 20_000;
const boundMs = 60_000;
const endingOldFailed = 'ending the tokens of old sessions failed';
/** Requests on which the browser's Knot session decides. */
const boundPaths = /^\/(auth|auth\/[^/?]+|device|device\/(?!auth(?:\?|$))[^/?]+|session\/end)(\?|$)/;

/** Opens the OpenID Provider at `https://DOMAIN/oidc`. */
export async function createOidc(options: OidcOptions): Promise<Oidc> {
  const { store, clock, keys, accounts, identify, sessions, publicAddress, audit, log } = options;
  const library = await loadProviderLibrary(log);
  const records = createRecords({ store, clock });
  const clients = createClients({ store, clock, record: audit.record });
  const cookieKeys = await settingOnce(store.db, 'oidc.cookieKeys', () =>
    JSON.stringify([randomBytes(32).toString('base64url')]),
  );
  await clients.reconcile('config', options.configuredClients);
  await clients.reconcile('integration', [...options.integrationClients.map(asFirstParty), commandLineClient]);
  // From here on nothing is waited for: what is opened is what `close` ends.
  const directory = createClientDirectory(store);
  const outbound = createOutbound(options.caPem);
  const notices = createLogoutNotices({
    store,
    clock,
    provider: () => provider,
    send: outbound.send,
    usernameOf: async (userId) => (await accounts.principal(userId))?.username,
    audit,
    log,
  });
  const binding = createSessionBinding({
    records,
    identify,
    hold: sessions.hold,
    clock,
    sessionSeconds: options.sessionSeconds,
    notices,
  });
  const deviceFlow = createDeviceFlow({
    clock,
    binding,
    addressOf: options.addressOf,
    onAllowed: ({ principal, clientId, from, address }) =>
      audit.append({
        action: 'device.allowed',
        actor: principal.username,
        subject: `client:${clientId}`,
        outcome: 'done',
        address,
        detail: { from },
      }),
  });
  const tellingAway = createTellingAway(library.errors);
  const adapterOf = createAdapter({ records, directory, clock, library, hold: sessions.hold });
  const build = () => {
    const made = buildProvider({
      library,
      issuer: publicAddress.issuer,
      adapter: (model) => tellingAwayIn(tellingAway, adapterOf(model)),
      keys,
      cookieKeys: JSON.parse(cookieKeys) as string[],
      sessionSeconds: options.sessionSeconds,
      now: clock.now,
      principalOf: tellingAway(accounts.principal),
      emailVerified: options.emailVerified,
      binding,
      records: tellingAwayIn(tellingAway, records),
      fetch: outbound.fetch,
      noteLogout,
      endCentralOf: tellingAway(endCentralOf),
      deviceFlow,
      onRefused: tellingAway((principal, clientId) => auditRefusal(principal, clientId, 'group')),
      log,
    });
    made.on('grant.success', ({ oidc: { params, client, account } }) => {
      if (params?.['grant_type'] !== 'authorization_code' || !client || !account) return;
      options.onSignIn?.(account.accountId, client.clientId);
    });
    return made;
  };
  let provider = build();
  let callback = provider.callback();

  function reload(): void {
    provider = build();
    callback = provider.callback();
  }

  async function endCentralOf(uid: string): Promise<void> {
    const link = await records.linkOf(uid);
    if (!link) return;
    await binding.endCentral(provider, link.centralId);
    const principal = await accounts.principal(link.accountId);
    await sessions.end(link.centralId, { actor: principal?.username ?? 'system', reason: 'signed_out' });
  }

  async function noteLogout(notice: LogoutNotice): Promise<void> {
    await store.transaction((transaction) => notices.add(transaction, [notice]));
    notices.wake();
  }

  async function auditRefusal(principal: Principal, clientId: string, reason: string): Promise<void> {
    await audit.append({
      action: 'authorization.refused',
      actor: principal.username,
      subject: `client:${clientId}`,
      outcome: 'refused',
      detail: { reason },
    });
  }

  const identifyAccess = createIdentifyAccess({ provider: () => provider, principalOf: accounts.principal, clock });
  let isClosed = false;

  /** Runs what a listener started; a failure is logged, never thrown into the feed. */
  const background = (work: Promise<unknown>, message: string) =>
    void work.catch((error: unknown) => log.error({ err: error }, message));

  /** Sessions that ended while no gateway was running were announced to nobody. Looked at in parts, while requests are served. */
  async function forgetEndedSessions(): Promise<void> {
    for (let linked = await records.linkedCentralIds('', lookedAtOnce); linked.length > 0 && !isClosed;) {
      const living = await sessions.living(linked);
      for (const centralId of linked) if (!living.has(centralId)) await binding.endCentral(provider, centralId);
      await turn();
      linked = await records.linkedCentralIds(linked.at(-1)!, lookedAtOnce);
    }
  }

  async function forgetInactive(userId: string): Promise<void> {
    const principal = await accounts.principal(userId);
    if (principal?.state !== 'active') await binding.endAccount(provider, userId);
  }

  const stops = [
    keys.onChange(reload),
    sessions.onEnded((centralId) =>
      background(binding.endCentral(provider, centralId), 'ending the tokens of a session failed'),
    ),
    accounts.onChange((userId) => background(forgetInactive(userId), 'ending the grants of an account failed')),
    store.onGap(() => background(forgetEndedSessions(), endingOldFailed)),
  ];
  const sweeping = every(sweepMs, records.sweep, { log, complaint: 'sweeping expired tokens failed', jitter: 0.1 });
  const bounding = every(boundMs, () => records.boundAnonymous(mostAnonymous), {
    log,
    complaint: 'bounding what strangers have begun failed',
    jitter: 0.1,
  });
  background(forgetEndedSessions(), endingOldFailed);

  return {
    async prepare(request, response, path) {
      mountRequest(request, path, publicAddress.issuer);
      if (boundPaths.test(path)) await asItWas(binding.bind(provider, request, response));
    },
    handle: (request, response) => callback(request, response),
    interactions: createInteractions({
      provider: () => provider,
      identify,
      records,
      onDenied: (principal, clientId) => auditRefusal(principal, clientId, 'person'),
    }),
    identifyAccess,
    posted: createPostedRequests(records, clock.now),
    clients,
    reload,
    sweep: () => records.sweep(),
    deliverNotices: () => notices.deliver(),
    async close() {
      isClosed = true;
      await Promise.all([sweeping.stop(), bounding.stop()]);
      await notices.close();
      await outbound.close();
      for (const stop of stops) stop();
      directory.close();
    },
  };
}

function asFirstParty({ title, ...client }: IntegratedClient): ClientFacts {
  return { ...client, name: title, firstParty: true };
}
