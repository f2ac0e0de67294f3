import type { LoadedConfig, PublicAddress } from '../config/index.ts';
import type { ComponentHealth, Log } from '../lib/index.ts';
import type { Certificates } from '../tls/index.ts';

/** Tells, once everything answers, where Knot is, how to trust it, who may become its first admin and what is unsafe. */
export async function announce(start: {
  loaded: LoadedConfig;
  log: Log;
  ops: { host: string; port: number };
  certificates: Certificates;
  health: () => Promise<ComponentHealth[]>;
  address: PublicAddress;
  setupLink: string | undefined;
  startedAt: number;
}): Promise<void> {
  const { loaded, log, ops, certificates, address, setupLink } = start;
  const { file, sources, config } = loaded;
  log.info(
    { file: file ?? null, sources },
    file ? 'configuration read' : 'no configuration file: the defaults are in force',
  );
  for (const { path, message } of loaded.warnings) log.warn({ setting: path }, `${path} ${message}`);
  for (const { name, status, message, remedy } of await start.health()) {
    if (status === 'warning' || status === 'failed') log.warn({ component: name, remedy: remedy ?? null }, message);
  }
  warnOfProxyVariables(log);
  const isOpsPublic = !['127.0.0.1', '::1', 'localhost'].includes(ops.host);
  if (isOpsPublic)
    log.warn(
      { ops: config.ops },
      'you MUST keep the ops listener on loopback or behind a firewall, because it asks nobody who they are',
    );
  if (isUnsafeCollector(config.tracing?.endpoint)) {
    log.warn(
      { endpoint: config.tracing?.endpoint },
      'you MUST reach the trace collector by https or on this machine, because spans tell who asks for what, and headers hold its secrets',
    );
  }
  log.info({ url: `http://${ops.host.includes(':') ? `[${ops.host}]` : ops.host}:${ops.port}` }, 'ops listener');
  const ca = certificates.caFile();
  const caUrl = `${address.origin}/ca.pem`;
  const ready = `ready ${address.origin}`;
  const ms = Math.round(Date.now() - start.startedAt);
  const { format } = config.log;
  if (format === 'pretty' || (format === 'auto' && process.stdout.isTTY)) {
    const lines: [string, string][] = [['', `Knot is ${ready}  (${ms} ms)`]];
    if (setupLink) lines.push(['first admin', `${setupLink}  (works once)`]);
    if (ca) lines.push(['certificate', `${ca}  (import it once into your browser; also at ${caUrl})`]);
    if (config.log.requests === 'auto')
      lines.push(['requests', 'not shown here; `npm start -- --requests all` shows each']);
    lines.push(['stop', 'Ctrl-C']);
    process.stdout.write(`\n${lines.map(([name, text]) => `  ${name.padEnd(name ? 13 : 0)}${text}\n`).join('')}\n`);
    return;
  }
  if (ca)
    log.info({ file: ca, url: caUrl }, 'certificate authority: import it once and browsers trust every Knot host');
  if (setupLink) log.info({ url: setupLink }, 'open this link to make the first admin; it works once');
  log.info({ ms }, ready);
}

/** A proxy between us and the back ends would judge targets in our place (catalogue U1); the variables have no effect here. */
function warnOfProxyVariables(log: Log): void {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  const variables = names.filter((name) => (process.env[name] ?? '') !== '');
  if (variables.length === 0) return;
  log.warn({ variables }, 'a proxy in the environment has no effect: Knot dials every upstream itself');
}

/** Plain HTTP to another machine. */
function isUnsafeCollector(endpoint: string | undefined): boolean {
  if (endpoint === undefined) return false;
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'http:' && hostname !== 'localhost' && hostname !== '[::1]' && !/^127(\.\d+){3}$/.test(hostname);
}
