import type { TSchema } from 'typebox';
import { stringify } from 'yaml';
import { maskPassword } from '../lib/index.ts';
import { describeAllowed } from './check.ts';
import { type Config, ConfigSchema } from './schema/index.ts';

type Node = TSchema & {
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  type?: string;
  anyOf?: Node[];
};

/** The effective configuration as YAML. Secrets appear as their source, passwords in addresses as ***. */
export function describeConfig(config: Config): string {
  const { baseFolder: _baseFolder, ...settings } = config;
  const masked =
    settings.database === undefined ? settings : { ...settings, database: maskPassword(settings.database) };
  return stringify(masked, { lineWidth: 0 });
}

/** A commented file with every setting: defaults stand as they are, optional settings are commented out. */
export function exampleConfig(): string {
  const lines = ['# Knot configuration. Every setting is optional; what stands here is the default.', ''];
  printSection(ConfigSchema as unknown as Node, '', lines);
  return `${lines.join('\n')}\n`;
}

function printSection(schema: Node, indent: string, lines: string[]): void {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    lines.push(`${indent}# ${child.description ?? ''}`);
    const allowed = child.anyOf?.every((branch) => 'const' in branch) ? describeAllowed(child) : undefined;
    if (allowed) lines.push(`${indent}# It ${allowed}.`);
    if (child.type === 'object' && schema.required?.includes(key)) {
      lines.push(`${indent}${key}:`);
      printSection(child, `${indent}  `, lines);
    } else if (child.type === 'object') {
      lines.push(`${indent}# ${key}:`);
      printSection(child, `${indent}#   `, lines);
    } else if (child.type === 'array') {
      lines.push(`${indent}${key}: []`);
      if (child.items?.properties) printItem(child.items, `${indent}#   `, lines);
    } else if (child.default !== undefined && !folders.has(key)) {
      lines.push(`${indent}${key}: ${JSON.stringify(child.default)}`);
    } else {
      lines.push(
        `${indent}# ${key}: ${exampleValues[key] ?? (child.default === undefined ? '…' : JSON.stringify(child.default))}`,
      );
    }
    if (indent === '') lines.push('');
  }
}

function printItem(schema: Node, indent: string, lines: string[]): void {
  let bullet = '- ';
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const value = child.default === undefined ? (exampleValues[key] ?? '…') : JSON.stringify(child.default);
    lines.push(`${indent}${bullet}${key}: ${value}   # ${child.description ?? ''}`);
    bullet = '  ';
  }
}

/** Their defaults are not relative to the file, so that writing them down would change what they mean. */
const folders = new Set(['data', 'policies']);

/** What an optional setting looks like when it is used. */
const exampleValues: Record<string, string> = {
  appsDomain: 'knot-apps.example',
  publicPort: '443',
  httpListen: '"127.0.0.1:8080"',
  database: '"postgres://knot@db.example.org/knot"',
  databasePassword: '{fromFile: /run/secrets/database}',
  cert: '/etc/knot/tls.crt',
  key: '/etc/knot/tls.key',
  upstream: '"http://127.0.0.1:9000"',
  pythonEnvironment: '/var/lib/knot/python',
  clientSecret: '{fromFile: /run/secrets/jupyterhub}',
  secret: '{fromEnv: MY_CLIENT_SECRET}',
  name: 'echo',
  title: 'Echo',
  clientId: 'my-app',
  redirectUris: '["https://app.example.org/callback"]',
  server: '"smtps://knot@mail.example.org"',
  from: '"Knot <knot@example.org>"',
  password: '{fromFile: /run/secrets/mail}',
  endpoint: '"http://127.0.0.1:4318"',
  storage: '20 GiB',
  header: 'authorization',
  value: '{fromFile: /run/secrets/collector}',
};
