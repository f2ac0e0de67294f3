import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type * as OwnFacts from '../../gateway/app/facts.ts';
import type * as OwnConfig from '../../gateway/config/index.ts';
import { createPasswordHasher } from '../../gateway/accounts/password-hash.ts';
import { hashSecret, newId, newSecret, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/upstream.ts';
import { everybodysPassword } from './sign-in.ts';
import type { Certificate, RunningProxy } from './peers.ts';
import { freePort, startServer } from './servers.ts';

const root = join(import.meta.dirname, '..', '..');

/** How much the gateway knows besides what is asked of it. */
export type Population = {
  routes: number;
  users: number;
  sessions: number;
  policies: number;
  /** Launched by people; each is visited by somebody, who owns it or with whom it is shared, in turns. */
  services?: number;
  /** Each with ten members. */
  teams?: number;
  /** Of folders and services, with people and teams, besides those that visitors need. */
  shares?: number;
  /** Everybody can sign in with it. */
  password?: string;
};

export const smallPopulation: Population = { routes: 1, users: 1, sessions: 1, policies: 0 };
/** Those who sign in within a minute. */
export const peoplePopulation: Population = {
  ...{ routes: 1, users: 1_000, sessions: 1, policies: 0 },
  password: everybodysPassword,
};
/** Many who have nothing to do with each other. */
export const apartPopulation: Population = {
  ...{ routes: 9_750, services: 250, users: 1_000, sessions: 10_000, policies: 200 },
};
export const largePopulation: Population = { ...apartPopulation, teams: 1_000, shares: 10_000 };

/** One signed-in visitor of one application; `mainCookie` is the one on the main host. */
export type Visitor = { host: string; cookie: string; mainCookie?: string };

export type RunningKnot = RunningProxy & {
  visitors: Visitor[];
  child: ChildProcess;
  opsPort: number;
  /** Usernames. */
  people: string[];
  configFile: string;
  policies: string;
};

/**
 * The real gateway process with everything a request meets in operation: session, policy, header rules, access log to a file,
 * metrics. Its store is filled before it starts.
 */
export async function startKnot(options: {
  folder: string;
  upstreamPort: number;
  certificate: Certificate;
  population?: Population;
  nodeArguments?: string[];
  environment?: Record<string, string>;
  /** Tools beside the applications. */
  integrations?: object;
  /** Another checkout of the gateway. */
  checkout?: string;
}): Promise<RunningKnot> {
  const { upstreamPort, certificate, population = smallPopulation, nodeArguments = [], checkout = root } = options;
  const [port, opsPort] = [await freePort(), await freePort()];
  const folder = join(options.folder, `knot-${port}`);
  const policies = join(folder, 'policies');
  mkdirSync(folder, { recursive: true });
  cpSync(join(checkout, 'policies'), policies, { recursive: true });
  // A file may hold 256 KiB.
  for (let from = 0; from < population.policies; from += 1000) {
    const rules = furtherPolicies(from, Math.min(population.policies, from + 1000));
    writeFileSync(join(policies, `bench-${from}.cedar`), rules);
  }
  const file = join(folder, 'knot.yaml');
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  const settings = {
    listen: `127.0.0.1:${port}`,
    ops: `127.0.0.1:${opsPort}`,
    data: join(folder, 'data'),
    policies,
    tls: certificate,
    log: { format: 'json', level: 'info' },
    // One visitor holds all idle WebSockets. Other checkouts may not know the setting.
    ...(checkout === root && { limits: { streamsPerSession: 10_000 } }),
    // Everybody comes from one address here.
    login: { attemptsPerAddress: 100_000 },
    integrations: { jupyterhub: { mode: 'off' }, ...options.integrations },
    apps: Array.from({ length: population.routes }, (_, index) => ({
      name: `tool-${index}`,
      upstream,
      // The upstream gets what is measured and nothing else.
      ...(checkout === root && { probe: false }),
    })),
  };
  writeFileSync(file, stringify(settings));
  const visitors = await populate(file, population, { upstream, checkout });
  const logFile = join(folder, 'access.log');
  const child = startServer(
    process.execPath,
    [...nodeArguments, join(checkout, 'gateway', 'main.ts'), 'start', '--config', file],
    {
      isProxy: true,
      logFile,
      cwd: folder,
      environment: { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'knot'), ...options.environment },
    },
  );
  await untilReady(logFile);
  const people = Array.from({ length: population.users }, (_, index) => usernameOf(index));
  const { host, cookie } = visitors[0]!;
  const facts = { visitors, child, opsPort, people, configFile: file, policies };
  return { name: 'knot', port, pid: child.pid!, host, cookie, ...facts };
}

/** Waits for the line the gateway prints when every module is up. */
async function untilReady(logFile: string): Promise<void> {
  const end = Date.now() + 120_000;
  while (!/ready https:/.test(readFileSync(logFile, 'utf8'))) {
    if (Date.now() > end) throw new Error(`the gateway is not ready:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The facts of a gateway as another process on its store, by the modules of the checkout it runs from. */
export async function factsOf(configFile: string, checkout: string = root) {
  const { openFacts } = (await import(join(checkout, 'gateway', 'app', 'facts.ts'))) as typeof OwnFacts;
  const { loadConfig } = (await import(join(checkout, 'gateway', 'config', 'index.ts'))) as typeof OwnConfig;
  const { config } = loadConfig({ config: configFile }, {});
  return { config, facts: await openFacts(config, { clock: systemClock, log: silentLog }) };
}

type Store = Awaited<ReturnType<typeof factsOf>>['facts']['store'];

/** Further accounts like the first one; made one by one, ten thousand take longer than all that is measured. */
async function copyUsers(store: Store, firstId: string, usernames: readonly string[]): Promise<string[]> {
  const [user, name] = await Promise.all([
    store.db.selectFrom('users').selectAll().where('id', '=', firstId).executeTakeFirstOrThrow(),
    store.db.selectFrom('names').selectAll().where('owner_id', '=', firstId).executeTakeFirstOrThrow(),
  ]);
  const ids = usernames.map(() => newId());
  await store.transaction(async ({ db }) => {
    for (const [index, username] of usernames.entries()) {
      const id = ids[index]!;
      const email = `${username}@example.org`;
      await db
        .insertInto('names')
        .values({ ...name, name: username, skeleton: username, owner_id: id })
        .execute();
      await db
        .insertInto('users')
        .values({ ...user, id, username, email, email_key: email, is_admin: 0 })
        .execute();
    }
  });
  return ids;
}

/** Fills the store of a configuration; returns one visitor for each session, spread over users and routes. */
async function populate(
  configFile: string,
  { routes, users, sessions, password, services = 0, teams = 0, shares = 0 }: Population,
  { upstream, checkout }: { upstream: string; checkout: string },
): Promise<Visitor[]> {
  const { config, facts } = await factsOf(configFile, checkout);
  try {
    const username = usernameOf(0);
    const first = await facts.accounts.createUser(
      { username, email: `${username}@example.org`, state: 'active', isAdmin: true },
      { name: 'benchmark' },
    );
    const others = Array.from({ length: users - 1 }, (_, index) => usernameOf(index + 1));
    const ids = [first.id, ...(await copyUsers(facts.store, first.id, others))];
    if (password !== undefined) {
      // Hashed once: a thousand times would take longer than what is measured.
      const passwordHash = await createPasswordHasher().hash(password);
      await facts.store.db.updateTable('users').set({ password_hash: passwordHash }).execute();
    }
    const launched = await launch(facts, { services, ids, upstream, domain: config.domain });
    await facts.store.transaction(async ({ db }) => {
      for (const { id, owner, visitor } of launched)
        if (owner !== visitor) await insertShare(db, { thing: ['service', id, ''], owner, person: visitor });
    });
    await befriend(facts.store, ids, { teams, shares, launched });
    const now = Date.now();
    const visitors: Visitor[] = [];
    const row = (userId: string, host: string, id: string, centralId: string, secret: string) => ({
      secret_hash: hashSecret(secret),
      id,
      central_id: centralId,
      host,
      user_id: userId,
      device: 'benchmark',
      address: '127.0.0.1',
      started_at: now,
      authenticated_at: now,
      last_seen_at: now,
      expires_at: now + 86_400_000,
    });
    await facts.store.transaction(async ({ db }) => {
      for (let index = 0; index < sessions; index++) {
        const userId = ids[index % users]!;
        // Every second one of those who come first visits a service.
        const service = index % 2 === 0 ? undefined : launched[(index - 1) / 2];
        const host = service?.host ?? `tool-${index % routes}.${config.domain}`;
        const [centralId, secret, mainSecret] = [newId(), newSecret(), newSecret()];
        const rows = [row(userId, '', centralId, centralId, mainSecret), row(userId, host, newId(), centralId, secret)];
        await db.insertInto('sessions').values(rows).execute();
        visitors.push({ host, cookie: `__Host-knot=${secret}`, mainCookie: `__Host-knot=${mainSecret}` });
      }
    });
    return visitors;
  } finally {
    await facts.close();
  }
}

type Facts = Awaited<ReturnType<typeof factsOf>>['facts'];
/** `owner` and `visitor`: ids of people. */
type Launched = { id: string; host: string; owner: string; visitor: string };

/** Routes of services; what runs behind them is the upstream of all. Visited by the people whose sessions come second, fourth, … */
async function launch(
  { routes }: Pick<Facts, 'routes'>,
  { services, ids, upstream, domain }: { services: number; ids: readonly string[]; upstream: string; domain: string },
): Promise<Launched[]> {
  const launched: (Launched & { label: string; username: string })[] = Array.from({ length: services }, (_, index) => {
    const [visitor, other] = [(index * 2 + 1) % ids.length, (index * 2 + 2) % ids.length];
    const owner = index % 2 === 0 ? visitor : other;
    const label = `service-${index}`;
    const host = `${label}.${domain}`;
    return { id: newId(), host, label, owner: ids[owner]!, visitor: ids[visitor]!, username: usernameOf(owner) };
  });
  if (services > 0)
    await routes.replace(
      'service',
      launched.map(({ id, host, label, username }) => ({
        ...{ host, name: label, kind: 'service', title: label, audience: 'everyone' },
        service: { id, label, owner: username, isTeam: false },
        upstream: parseUpstream(upstream, { allowLoopback: true }),
        ...{ ownedPrefixes: [], untouchedPrefixes: [], switches: { encodedSlash: false, methods: [] } },
      })),
    );
  return launched;
}

/** Teams of ten, and folders and services that people share with each other or with a team. */
async function befriend(
  store: Store,
  ids: readonly string[],
  { teams, shares, launched }: { teams: number; shares: number; launched: readonly Launched[] },
) {
  const now = Date.now();
  const any = (index: number): string => ids[index % ids.length]!;
  await store.transaction(async ({ db }) => {
    const teamIds: string[] = [];
    for (let index = 0; index < teams; index++) {
      const [id, name] = [newId(), `team${lettersOf(index)}`];
      teamIds.push(id);
      await db
        .insertInto('names')
        .values({ name, skeleton: name, kind: 'team', owner_id: id, created_at: now })
        .execute();
      await db.insertInto('teams').values({ id, name, title: name, created_at: now }).execute();
      const members = [...new Set(Array.from({ length: 10 }, (_, offset) => any(index * 7 + offset * 31)))];
      const rows = members.map((user_id) => ({ team_id: id, user_id, role: 'member' as const, created_at: now }));
      await db.insertInto('memberships').values(rows).execute();
    }
    for (let index = 0; index < shares; index++) {
      const team = index % 4 === 0 ? teamIds[index % teamIds.length] : undefined;
      const service = index % 2 === 0 ? undefined : launched[((index - 1) / 2) % launched.length];
      const owner = service?.owner ?? any(index);
      const thing = service ? ['service', service.id, ''] : ['files', `private/${owner}`, `folder-${index}`];
      await insertShare(db, {
        thing: thing as SharedRow['thing'],
        owner,
        ...(team ? { team } : { person: any(index * 3 + 1) }),
      });
    }
  });
}

/** `thing`: kind, id and path. */
type SharedRow = { thing: ['files' | 'service', string, string]; owner: string; person?: string; team?: string };

async function insertShare(db: Store['db'], { thing: [kind, thing, path], owner, person, team }: SharedRow) {
  const end = { opened_at: null, ended_at: null, ended_why: null, ended_by: null, expires_at: null };
  await db
    .insertInto('shares')
    .values({
      ...{ id: newId(), kind, thing, path, access: 'view', owner_user_id: owner, owner_team_id: null },
      ...{ with_user_id: person ?? null, with_team_id: team ?? null, secret_hash: null, browser_hash: null },
      ...{ binds_browser: 0, created_by: 'benchmark', created_at: Date.now(), ...end },
    })
    .execute();
}

function usernameOf(index: number): string {
  return `visitor${lettersOf(index)}`;
}

/** Digits look like letters, and names that look like others are refused. */
function lettersOf(index: number): string {
  return String(index).replace(/\d/g, (digit) => String.fromCharCode(0x61 + Number(digit)));
}

/** Rules that name people and tools, as a grown installation has them; half permit, half forbid, none concerns the visitors. */
function furtherPolicies(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, offset) => {
    const index = from + offset;
    const effect = index % 2 === 0 ? 'permit' : 'forbid';
    return `@id("bench-${index}")
${effect} (principal, action in [Action::"open", Action::"view"], resource == Integration::"tool-${index}")
when { principal.username == "guest${index}" };
`;
  }).join('\n');
}
