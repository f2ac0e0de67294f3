import type { PublicAddress } from '../../config/index.ts';

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

/** As it is pasted into grafana.ini. */
export function pastedSettings(settings: GrafanaSettings, { caFile }: { caFile: string | undefined }): string {
  const trust =
    caFile === undefined
      ? ''
      : `; Knot uses a certificate of its own CA: copy ${caFile} to Grafana and name it as tls_client_ca below, with its path there.\n`;
  const trusting = (section: string): string =>
    caFile !== undefined && /^auth\.(?:jwt|generic_oauth)$/.test(section) ? `tls_client_ca = ${caFile}\n` : '';
  const sections = Object.entries(settings).map(([section, values]) => {
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}\n`);
    return `[${section}]\n${lines.join('')}${trusting(section)}`;
  });
  return `; For grafana.ini, or as grafana.ini of the values of its chart (charts/stack/grafana).
; Grafana must be reachable from Knot only: whoever reaches it directly passes Knot by.
${trust}
${sections.join('\n')}`;
}
