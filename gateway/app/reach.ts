import { networkInterfaces } from 'node:os';
import { databaseUrl, type LoadedConfig, parseListen } from '../config/index.ts';
import type { Integration } from '../integrations/index.ts';
import type { ComponentHealth } from '../lib/index.ts';

type Config = LoadedConfig['config'];

/** Something on this machine that a notebook can connect to past the gateway. */
export type Reachable = {
  /** As people call it: `the application echo`. */
  title: string;
  address: string;
  /** True when it may believe whoever connects: then Knot's rules are passed by. */
  isTrusting: boolean;
};

/**
 * What notebooks of a managed hub reach where they have no sandbox, and so share the network of the gateway's machine (decision 0062).
 * Listeners of Knot itself ask everybody who they are or hold no secret; an application that believes `X-Knot-User` from this machine
 * believes every notebook. Undefined when no hub is managed.
 */
export function notebooksReach(config: Config): Reachable[] | undefined {
  if (config.integrations.jupyterhub.mode !== 'managed') return undefined;
  const found: Reachable[] = [];
  const add = (title: string, url: string, isTrusting: boolean) => {
    if (!URL.canParse(url)) return;
    const { hostname, host } = new URL(url);
    if (isThisMachine(hostname)) found.push({ title, address: host, isTrusting });
  };
  for (const { name, upstream } of config.apps) add(`the application ${name}`, upstream, true);
  const database = databaseUrl(config);
  if (!database.startsWith('sqlite:')) add('the database', database, true);
  if (config.mail !== undefined) add('the mail server', config.mail.server, true);
  if (config.tracing !== undefined) add('the trace collector', config.tracing.endpoint, true);
  const forwarder = config.trustedProxies.find((range) =>
    /^(127\.|::1(\/|$)|0\.0\.0\.0\/0|::\/0|localhost)/.test(range),
  );
  if (forwarder !== undefined) {
    found.push({ title: 'the trust in forwarded addresses', address: forwarder, isTrusting: true });
  }
  // Whatever it is bound to, it is this machine.
  const { host, port } = parseListen(config.ops);
  found.push({ title: 'the operations listener', address: `${host}:${port}`, isTrusting: false });
  return found;
}

/** What an admin sees of it. Names only: notebooks, too, can read the health on the operations listener. */
export function reachHealth(
  reach: readonly Reachable[] | undefined,
  tools: readonly Pick<Integration, 'sharesNetwork'>[],
): ComponentHealth[] {
  if (reach === undefined || !tools.some((tool) => tool.sharesNetwork?.())) return [];
  const name = 'notebook-network';
  const named = (things: readonly Reachable[]) =>
    new Intl.ListFormat('en', { type: 'conjunction' }).format(things.map(({ title }) => title));
  const trusting = reach.filter(({ isTrusting }) => isTrusting);
  if (trusting.length === 0) {
    const message = `On this machine notebooks can connect to the gateway and ${named(reach)}; neither trusts them.`;
    return [{ name, status: 'ok', message }];
  }
  return [
    {
      name,
      status: 'warning',
      message: `Notebooks are on the same machine and can connect past the gateway to ${named(trusting)}.`,
      remedy:
        'Let each ask for a password of its own, or check `X-Knot-Assertion` instead of believing `X-Knot-User`; or run it on another machine, where only Knot may connect.',
    },
  ];
}

/** Loopback, every interface, or an address of one of them. */
function isThisMachine(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost') || /^127\./.test(bare)) return true;
  if (bare === '::1' || bare === '::' || bare === '0.0.0.0' || /^::ffff:7f/.test(bare)) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === bare));
}
