import type { Accounts } from '../accounts/index.ts';
import { type Audit, createAudit } from '../audit/index.ts';
import { type Config, databaseUrl, parseListen, type PublicAddress, publicAddress } from '../config/index.ts';
import { createDenials, type Denials } from '../denials/index.ts';
import type { Clock, Log } from '../lib/index.ts';
import type { Clients, Connections } from '../oidc/index.ts';
import { createOwners, createPlans, type Owners, type Plans } from '../owners/index.ts';
import { createRoutes, type Routes } from '../routes/index.ts';
import type { Sessions } from '../sessions/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { createOpened } from './opened.ts';
import type { Shares } from '../shares/index.ts';
import type { Tokens } from '../tokens/index.ts';
import { createPeople } from './people.ts';
import { configuredPlans } from './plans.ts';

/** The store and the facts on it: all that a command needs, and the ground of the gateway. */
export type Facts = {
  store: Store;
  audit: Audit;
  accounts: Accounts;
  owners: Owners;
  plans: Plans;
  sessions: Sessions;
  tokens: Tokens;
  shares: Shares;
  routes: Routes;
  denials: Denials;
  /** Connected applications; loaded when asked for. */
  connections(): Promise<Connections>;
  /** Loaded when asked for: most commands need no OpenID Provider. */
  clients(): Promise<Clients>;
  /** A fresh link that makes the first admin, replacing earlier ones; undefined when there is an admin. */
  newSetupLink(address?: PublicAddress): Promise<string | undefined>;
  close(): Promise<void>;
};

/**
 * Opens the database of the configuration, or takes the one that is given, and closes it with the facts.
 * @throws KNOT_STORE_* when the database cannot be used
 */
export async function openFacts(
  config: Config,
  { clock, log, store: given }: { clock: Clock; log: Log; store?: Store },
): Promise<Facts> {
  const { closing, close } = createOpened(log);
  const opened = given ?? (await openStore({ url: databaseUrl(config), clock, log }));
  const store = closing(opened, (database) => database.close());
  try {
    const audit = createAudit({ store, clock });
    const { record } = audit;
    const passwordRules = { minimumLength: config.login.minimumPasswordLength };
    const people = { store, clock, record, passwordRules, sessions: config.sessions, log };
    const { accounts, sessions, connections, tokens, shares } = createPeople(people);
    closing(sessions, (signedIn) => signedIn.close());
    closing(tokens, (kept) => kept.close());
    closing(shares, (all) => all.close());
    const owners = closing(createOwners({ store, findOwner: accounts.findOwner }), (known) => known.close());
    const plans = closing(createPlans({ store, clock, plans: configuredPlans(config), record }), (all) => all.close());
    const routes = closing(await createRoutes({ store, clock, log }), (table) => table.close());
    const denials = closing(createDenials({ store, clock, log }), (refusals) => refusals.close());
    return {
      store,
      audit,
      accounts,
      owners,
      plans,
      tokens,
      shares,
      sessions,
      routes,
      denials,
      connections,
      async clients() {
        const { createClients } = await import('../oidc/index.ts');
        return createClients({ store, clock, record });
      },
      async newSetupLink(address = publicAddress(config, parseListen(config.listen).port)) {
        if (await accounts.hasAdmin()) return undefined;
        const { token } = await accounts.createLink(
          { kind: 'setup', lifetimeSeconds: config.login.linkSeconds },
          { name: 'system' },
        );
        return `${address.origin}/setup/${token}`;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
