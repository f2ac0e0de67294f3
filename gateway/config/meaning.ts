import { parseListen } from './address.ts';
import type { ConfigProblem } from './check.ts';
import { isCidr } from './cidr.ts';
import { readSecret } from './secrets.ts';
import type { Config, SecretSource } from './schema.ts';

/** What the schema cannot say: settings that contradict one another, or point at nothing. */
export function checkMeaning(config: Config, baseFolder: string, sources: Record<string, string>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const add = (path: string, message: string) => void problems.push({ path, message });

  for (const key of ['listen', 'httpListen', 'ops'] as const) {
    const value = config[key];
    if (value !== undefined && parseListen(value).port > 65535)
      add(key, `has no such port: ${value}; ports go from 0 to 65535`);
  }
  if ((config.tls.cert === undefined) !== (config.tls.key === undefined)) {
    add('tls', 'needs both cert and key, or neither (then Knot makes its own)');
  }
  if (config.sessions.idleSeconds > config.sessions.absoluteSeconds) {
    add(
      'sessions.idleSeconds',
      `must not exceed absoluteSeconds (${config.sessions.absoluteSeconds}), but it is ${config.sessions.idleSeconds}`,
    );
  }
  config.trustedProxies.forEach((cidr, index) => {
    if (!isCidr(cidr))
      add(`trustedProxies[${index}]`, `must be an address or CIDR such as 10.0.0.0/8, but it is "${cidr}"`);
  });

  const hub = config.integrations.jupyterhub;
  if (hub.mode === 'external' && hub.upstream === undefined) {
    add('integrations.jupyterhub.upstream', 'is needed when mode is "external": http(s)://HOST:PORT of the hub');
  }
  if (hub.mode !== 'external' && hub.upstream !== undefined) {
    add(
      'integrations.jupyterhub.upstream',
      `has no effect when mode is "${hub.mode}"; remove it or set mode: external`,
    );
  }

  if (hub.upstream !== undefined && !isPort(hub.upstream)) {
    add('integrations.jupyterhub.upstream', `has no such port: ${hub.upstream}; ports go from 1 to 65535`);
  }

  const labels = new Map([['jupyterhub', 'the JupyterHub integration']]);
  config.apps.forEach((app, index) => {
    if (!isPort(app.upstream))
      add(`apps[${index}].upstream`, `has no such port: ${app.upstream}; ports go from 1 to 65535`);
    const taken = labels.get(app.name);
    if (taken) add(`apps[${index}].name`, `"${app.name}" is taken by ${taken}`);
    labels.set(app.name, `apps[${index}]`);
  });

  const clientIds = new Set(['jupyterhub']);
  config.oidc.clients.forEach((client, index) => {
    const at = `oidc.clients[${index}]`;
    if (clientIds.has(client.clientId)) add(`${at}.clientId`, `"${client.clientId}" is used twice`);
    clientIds.add(client.clientId);
    if (client.public === (client.secret !== undefined)) {
      add(
        `${at}.secret`,
        client.public ? 'must be left out of a public client' : 'is needed unless the client is public: true',
      );
    }
    client.redirectUris.forEach((uri, position) => {
      if (!URL.canParse(uri) || uri.includes('#'))
        add(`${at}.redirectUris[${position}]`, `must be an absolute address without fragment, but it is "${uri}"`);
    });
  });

  if (config.database && !sources['database'] && /^\w+:\/\/[^/]*:[^/]*@/.test(config.database)) {
    add(
      'database',
      'must not hold a password in the file; use databasePassword: {fromFile: …} or the variable KNOT_DATABASE',
    );
  }
  const { endpoint, headers = [] } = config.tracing ?? {};
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    add('tracing.endpoint', `must be an address with a port from 1 to 65535, but it is "${endpoint}"`);
  }
  const headerNames = new Set<string>();
  headers.forEach(({ header }, index) => {
    if (headerNames.has(header.toLowerCase())) add(`tracing.headers[${index}].header`, `"${header}" is given twice`);
    headerNames.add(header.toLowerCase());
  });
  for (const [path, secret] of secretsOf(config)) {
    try {
      const value = readSecret(secret, baseFolder);
      if (path.startsWith('tracing.headers') && !/^[\x20-\x7e]+$/.test(value)) {
        add(path, 'holds a character that cannot stand in a header field');
      }
    } catch (error) {
      add(path, (error as Error).message);
    }
  }
  return problems;
}

/** Every secret the configuration refers to, with its path. */
export function secretsOf(config: Config): [path: string, secret: SecretSource][] {
  const found: [string, SecretSource | undefined][] = [
    ['databasePassword', config.databasePassword],
    ['integrations.jupyterhub.clientSecret', config.integrations.jupyterhub.clientSecret],
    ['mail.password', config.mail?.password],
    ...config.oidc.clients.map((client, index): [string, SecretSource | undefined] => [
      `oidc.clients[${index}].secret`,
      client.secret,
    ]),
    ...(config.tracing?.headers ?? []).map(({ value }, index): [string, SecretSource] => [
      `tracing.headers[${index}].value`,
      value,
    ]),
  ];
  return found.filter((entry): entry is [string, SecretSource] => entry[1] !== undefined);
}

/** Whether the port of an address, if it names one, exists. */
function isPort(address: string): boolean {
  const port = /:(\d+)\/?$/.exec(address)?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
}
