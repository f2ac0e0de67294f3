import type { ComponentHealth } from '../../lib/index.ts';
import type { Ask } from '../ask.ts';
import { createFindings, noteClock } from '../findings.ts';
import type { Older } from '../older.ts';
import type { GrafanaContent } from './content.ts';
import { type GrafanaSettings, olderThanSettings } from './settings.ts';

/** What an API never shows. */
const secrets = new Set(['client_secret']);

type Health = { version?: string };

/** What it says of its version to everybody (`GET /api/health`; `auth.anonymous` has nothing to do with it). */
export async function olderGrafana(ask: Ask, printed: GrafanaSettings): Promise<Older | undefined> {
  const { body } = await ask<Health>('GET', '/api/health', { headers: {} });
  return olderThanSettings(body?.version, printed);
}

/** Asks a running Grafana whether it is set up as Knot needs it: each finding once, in the order one would look. */
export async function checkGrafana(
  ask: Ask,
  facts: {
    wanted: GrafanaSettings;
    /** The same with whom it is to trust. */
    printed: GrafanaSettings;
    content: GrafanaContent | undefined;
    hasLogin: boolean;
    now(): number;
  },
): Promise<ComponentHealth[]> {
  const { wanted, printed, content, hasLogin, now } = facts;
  const { found, note, answered, tried } = createFindings();
  const health = await tried('answers', () => ask<Health>('GET', '/api/health', { headers: {} }));
  if (health === undefined) return found;
  const { body } = health;
  if (!answered({ name: 'grafana', title: 'Grafana' }, body, ({ version }) => version)) return found;
  const older = olderThanSettings(body.version, printed);
  if (older) note('version', 'failed', older.message, older.remedy);
  noteClock({ note }, 'clock', health.headers, now());
  if (!hasLogin) {
    const remedy = 'Set integrations.grafana.admin in knot.yaml.';
    note('login', 'warning', 'Knot has no login of its own: it makes no folders, dashboards and data source.', remedy);
    return found;
  }
  const settings = await tried('login', () => ask<GrafanaSettings>('GET', '/api/admin/settings'));
  if (settings === undefined) return found;
  note('login', 'ok', 'Knot is let in as an administrator of the server.');
  const wrong = differencesOf(wanted, settings.body ?? {});
  if (wrong.length === 0) note('settings', 'ok', 'Its configuration is as Knot needs it.');
  else
    note(
      'settings',
      'failed',
      `Its configuration is not as Knot needs it: ${wrong.slice(0, 8).join(', ')}${wrong.length > 8 ? ', …' : ''}.`,
      'Paste what `knot integrations show grafana` prints into its grafana.ini, and restart it.',
    );
  if (content === undefined) {
    note('metrics', 'warning', 'It has no data of Knot.', 'Set integrations.prometheus in knot.yaml.');
    return found;
  }
  const missing = await tried('content', () => content.differences());
  if (missing === undefined) return found;
  if (missing.length === 0) note('content', 'ok', 'Its data source and dashboards are those of Knot.');
  else
    note(
      'content',
      'warning',
      `Not as Knot has them: ${missing.join(', ')}.`,
      'The running gateway puts them right within the hour.',
    );
  return found;
}

/** `section.key`, of what Grafana says of its own configuration. */
function differencesOf(wanted: GrafanaSettings, found: GrafanaSettings): string[] {
  return Object.entries(wanted).flatMap(([section, values]) =>
    Object.entries(values)
      .filter(([key, value]) => !secrets.has(key) && normal(found[section]?.[key]) !== normal(value))
      .map(([key]) => `${section}.${key}`),
  );
}

/** An address with and without its last slash, and an object in any order, are one. */
function normal(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!value.startsWith('{')) return value.replace(/\/$/, '');
  try {
    return JSON.stringify(Object.entries(JSON.parse(value) as object).sort());
  } catch {
    return value;
  }
}
