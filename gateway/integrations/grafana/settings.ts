import type { PublicAddress } from '../../config/index.ts';
import { isNewer, listNames } from '../../lib/index.ts';
import { type Older, olderThan } from '../older.ts';

/** How Grafana must be told who asks: the sections of its configuration (grafana.ini) that are about Knot. */
export type GrafanaSettings = Record<string, Record<string, string>>;

type Facts = {
  auth: 'jwt' | 'oidc';
  publicAddress: PublicAddress;
  url: string;
  /** Of the OpenID client; `oidc` alone has one. */
  secret: string | undefined;
};

/** The field that a person's token stands in. */
export const tokenField = 'X-JWT-Assertion';

/** Who looks after Knot looks after Grafana; everybody else looks, and edits what is in a folder of theirs. */
const role = "contains(groups[*], 'knot-admins') && 'Admin' || 'Viewer'";

/**
 * What is wanted in either way. What Grafana could give away without a sign-in, or by a sign-in of its own, is off.
 * Sources: Grafana, "Configure JWT authentication", "Configure generic OAuth", "Configuration" (sections auth, security, users).
 */
export function grafanaSettings({ auth, publicAddress, url, secret }: Facts): GrafanaSettings {
  const { origin } = publicAddress;
  const common: GrafanaSettings = {
    server: { root_url: url },
    auth: {
      disable_login_form: 'true',
      signout_redirect_url: `${origin}/logout`,
      oauth_auto_login: String(auth === 'oidc'),
    },
    'auth.anonymous': { enabled: 'false' },
    users: { allow_sign_up: 'false', allow_org_create: 'false', auto_assign_org_role: 'Viewer' },
    snapshots: { external_enabled: 'false' },
    public_dashboards: { enabled: 'false' },
    security: { cookie_secure: 'true' },
  };
  if (auth === 'jwt') {
    return {
      ...common,
      'auth.jwt': {
        enabled: 'true',
        header_name: tokenField,
        username_claim: 'preferred_username',
        email_claim: 'email',
        jwk_set_url: `${origin}/.well-known/jwks.json`,
        // Without both a token for any other application would do.
        expect_claims: JSON.stringify({ iss: origin, aud: new URL(url).hostname }),
        role_attribute_path: role,
        role_attribute_strict: 'true',
        auto_sign_up: 'true',
        url_login: 'false',
      },
    };
  }
  return {
    ...common,
    'auth.generic_oauth': {
      enabled: 'true',
      name: 'Knot',
      client_id: 'grafana',
      client_secret: secret!,
      scopes: 'openid profile email groups offline_access',
      auth_url: `${origin}/oidc/auth`,
      token_url: `${origin}/oidc/token`,
      api_url: `${origin}/oidc/me`,
      use_pkce: 'true',
      use_refresh_token: 'true',
      login_attribute_path: 'preferred_username',
      email_attribute_path: 'email',
      groups_attribute_path: 'groups',
      role_attribute_path: role,
      role_attribute_strict: 'true',
    },
  };
}

/** With whom Grafana is to trust, where Knot uses a certificate of its own CA. */
export function printedSettings(
  settings: GrafanaSettings,
  { caFile }: { caFile: string | undefined },
): GrafanaSettings {
  if (caFile === undefined) return settings;
  return Object.fromEntries(
    Object.entries(settings).map(([section, values]) => [
      section,
      /^auth\.(?:jwt|generic_oauth)$/.test(section) ? { ...values, tls_client_ca: caFile } : values,
    ]),
  );
}

/**
 * From which version on Grafana knows a setting, of those that are printed and that not every Grafana in use knows. Sources: Grafana's
 * CHANGELOG.md (12.2.0, #109095), "What's new in Grafana v10.1" (#71533), pull requests 78894 (merged for 10.3) and 54277 (for 9.2).
 */
const since: Readonly<Record<string, string>> = {
  'auth.jwt.role_attribute_path': '9.2',
  'auth.jwt.role_attribute_strict': '9.2',
  'auth.generic_oauth.use_refresh_token': '10.1',
  'public_dashboards.enabled': '10.3',
  'auth.jwt.tls_client_ca': '12.2',
};

/** Undefined for a version that knows all of what is printed. One that does not may let nobody in, or everybody. */
export function olderThanSettings(version: unknown, printed: GrafanaSettings): Older | undefined {
  const names = Object.entries(printed).flatMap(([section, values]) =>
    Object.keys(values)
      .map((key) => `${section}.${key}`)
      .filter((name) => since[name] !== undefined),
  );
  const unknown = names.filter((name) => olderThan(since[name]!, { title: 'Grafana', version }) !== undefined);
  if (unknown.length === 0) return undefined;
  const oldest = unknown.map((name) => since[name]!).reduce((one, other) => (isNewer(one, other) ? one : other));
  const lacks = `It does not know ${listNames(unknown)}, which \`knot integrations show grafana\` prints.`;
  return olderThan(oldest, { title: 'Grafana', version, lacks });
}

/** As it is pasted into grafana.ini. */
export function pastedSettings(printed: GrafanaSettings, { caFile }: { caFile: string | undefined }): string {
  const trust =
    caFile === undefined
      ? ''
      : `; Knot uses a certificate of its own CA: copy ${caFile} to Grafana and name it as tls_client_ca below, with its path there.\n`;
  const sections = Object.entries(printed).map(([section, values]) => {
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}\n`);
    return `[${section}]\n${lines.join('')}`;
  });
  return `; For grafana.ini, or as grafana.ini of the values of its chart (charts/stack/grafana).
; Grafana must be reachable from Knot only: whoever reaches it directly passes Knot by.
${trust}
${sections.join('\n')}`;
}
