import { resolve } from 'node:path';

export type ListenAddress = { host: string; port: number };

/** Splits `HOST:PORT` or `[IPV6]:PORT`, whose form the schema has checked. */
export function parseListen(value: string): ListenAddress {
  const at = value.lastIndexOf(':');
  return { host: value.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(value.slice(at + 1)) };
}

/** The addresses people and tools see; every absolute address in the product is built from this. */
export type PublicAddress = {
  domain: string;
  /** Where people's own services are reached, when that is not `domain`. */
  appsDomain?: string;
  port: number;
  /** `https://DOMAIN[:PORT]`, without the default port. */
  origin: string;
  /** `https://DOMAIN[:PORT]/oidc` */
  issuer: string;
  /** `https://LABEL.DOMAIN[:PORT]` */
  originOf(host: string): string;
  /** Of a tool or an application. */
  hostOf(label: string): string;
  /** Of a service of a person or team. */
  hostOfService(label: string): string;
};

/** What of the configuration says where Knot is reached from outside. */
type Outside = { domain: string; appsDomain?: string; publicPort?: number };

/** `listenPort` is the port really bound, which differs from the configuration when that says 0. */
export function publicAddress(config: Outside, listenPort: number): PublicAddress {
  const port = config.publicPort ?? listenPort;
  const { domain, appsDomain } = config;
  const suffix = port === 443 ? '' : `:${port}`;
  const origin = `https://${domain}${suffix}`;
  return {
    domain,
    ...(appsDomain !== undefined && { appsDomain }),
    port,
    origin,
    issuer: `${origin}/oidc`,
    originOf: (host) => `https://${host}${suffix}`,
    hostOf: (name) => `${name}.${domain}`,
    hostOfService: (label) => `${label}.${appsDomain ?? domain}`,
  };
}

/** Of a host below `domain`: the one of the same label below `appsDomain`, where services of people are instead; undefined for any other. */
export function hostBelowApps({ domain, appsDomain }: Outside, host: string): string | undefined {
  if (appsDomain === undefined || !host.endsWith(`.${domain}`)) return undefined;
  return host.slice(0, -domain.length) + appsDomain;
}

/** A path of the configuration, relative to its file. */
export function absolute(config: { baseFolder: string }, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(config.baseFolder, path);
}
