import type { PublicAddress } from '../../config/index.ts';
import { type ComponentHealth, knotError } from '../../lib/index.ts';
import type { AskHarbor } from './ask.ts';
import { robotPermissions } from './robot-rights.ts';

/** What Harbor is told of Knot, under the names of its API (`PUT /configurations`). */
export type SignInSettings = Record<string, string | boolean>;

export const clientId = 'harbor';
export const callbackPath = '/c/oidc/callback';
export const signedOutPath = '/account/sign-in';

/** `verifiesCertificate`: false where Harbor does not know the authority that Knot made its own certificate with. */
export function signInSettings(facts: {
  publicAddress: PublicAddress;
  clientSecret: string;
  verifiesCertificate: boolean;
}): SignInSettings {
  return {
    auth_mode: 'oidc_auth',
    primary_auth_mode: true,
    oidc_name: 'Knot',
    oidc_endpoint: `${facts.publicAddress.origin}/oidc`,
    oidc_client_id: clientId,
    oidc_client_secret: facts.clientSecret,
    // Without offline access programs would be shut out an hour after each sign-in.
    oidc_scope: 'openid,profile,email,groups,offline_access',
    oidc_user_claim: 'preferred_username',
    oidc_groups_claim: 'groups',
    oidc_admin_group: 'knot-admins',
    oidc_group_filter: '^knot',
    oidc_auto_onboard: true,
    oidc_verify_cert: facts.verifiesCertificate,
    oidc_logout: true,
    // Whoever could make projects would take names of people who do not exist yet.
    project_creation_restriction: 'adminonly',
    self_registration: false,
  };
}

/** It is never told, so nobody can see whether it is right but by a sign-in. */
const hidden = 'oidc_client_secret';

export type Configurations = Record<string, { value?: unknown; editable?: boolean } | undefined>;

export type SignInState = {
  /** Names of settings that are not as they should be. */
  wrong: string[];
  /** It has people of its own, so that how people sign in cannot be changed any more. */
  isTrapped: boolean;
  /** Names of settings that cannot be changed from outside, because CONFIG_OVERWRITE_JSON holds them. */
  fixed: string[];
};

/** Its settings; its administrator alone may ask. */
export async function configurationsOf(ask: AskHarbor): Promise<Configurations> {
  return (await ask<Configurations>('GET', '/api/v2.0/configurations')).body ?? {};
}

/** What it puts before the names of robots. */
export function robotPrefixIn(present: Configurations): string | undefined {
  const prefix = present['robot_name_prefix']?.value;
  return typeof prefix === 'string' ? prefix : undefined;
}

/** How the present settings differ from the wanted ones. */
export function lookAtSignIn(present: Configurations, wanted: SignInSettings): SignInState {
  // What this version does not know is not wrong.
  const known = Object.keys(wanted).filter((name) => name !== hidden && present[name] !== undefined);
  const wrong = known.filter((name) => present[name]!.value !== wanted[name]);
  const fixed = wrong.filter((name) => present[name]!.editable === false);
  return { wrong, isTrapped: fixed.includes('auth_mode'), fixed };
}

/**
 * Brings the settings to what they should be. Harbor lets nobody change how people sign in once it has people (its way cannot be gone
 * back): that is said, and nothing of the rest is touched.
 * @throws KNOT_INTEGRATIONS_HARBOR_TRAPPED
 */
export async function applySignIn(
  ask: AskHarbor,
  present: Configurations,
  wanted: SignInSettings,
): Promise<SignInState> {
  const state = lookAtSignIn(present, wanted);
  if (state.isTrapped) throw trapped();
  const changed = Object.fromEntries(
    Object.entries(wanted).filter(([name]) => state.wrong.includes(name) && !state.fixed.includes(name)),
  );
  // The secret goes along always: that it is another one nobody can see.
  await ask('PUT', '/api/v2.0/configurations', { body: { ...changed, [hidden]: wanted[hidden] } });
  return state;
}

export const trapWords =
  'Harbor has people of its own already. It lets nobody change how people sign in while there is anyone but its administrator, and there is no way back once people came from Knot.';

const trapRemedy =
  'Remove the people under Administration, Users (their projects stay), or use an installation without people; then restart Knot.';

const trapped = () =>
  knotError('KNOT_INTEGRATIONS_HARBOR_TRAPPED', 409, trapWords, {
    remedy: trapRemedy,
  });

/** The same as a finding. */
export function signInFinding({ wrong, isTrapped }: Pick<SignInState, 'wrong' | 'isTrapped'>): ComponentHealth {
  const part = { name: 'sign-in', title: 'Harbor' };
  if (isTrapped) return { ...part, status: 'failed', message: trapWords, remedy: trapRemedy };
  if (wrong.length === 0) return { ...part, status: 'ok', message: 'People sign in with Knot.' };
  const message = `These settings are not as Knot sets them: ${wrong.join(', ')}.`;
  return { ...part, status: 'warning', message, remedy: 'Restart Knot, or wait: it sets them again once an hour.' };
}

/** What an operator pastes where Knot may not set it up itself (a robot may not, and CONFIG_OVERWRITE_JSON forbids it). */
export function pastedSettings(
  wanted: SignInSettings,
  facts: { origin: string; harborOrigin: string; caFile?: string },
): string {
  const trust =
    facts.caFile === undefined
      ? ''
      : `# Knot uses a certificate of its own CA. Have Harbor trust ${facts.caFile} (chart: caBundleSecretName);
# until then oidc_verify_cert is false.
`;
  return `# Harbor as Knot's registry of images. With integrations.harbor.admin Knot sets all of this itself, and again if somebody changes it.
# Before you begin: how people sign in can be changed only while Harbor has nobody but its administrator, and not back again once
# people came from Knot. The administrator goes on signing in with a password, at ${facts.harborOrigin}/account/sign-in.
# Harbor must know its address (externalURL: ${facts.harborOrigin}), must be able to reach ${facts.origin}, and must be
# reachable from Knot only.
${trust}# As the environment variable CONFIG_OVERWRITE_JSON of harbor-core (settings are read-only then), or by PUT /api/v2.0/configurations:
${JSON.stringify(wanted, null, 2)}
# A system robot in place of the administrator (integrations.harbor.robot) is made by POST /api/v2.0/robots with:
${JSON.stringify({ name: 'knot', level: 'system', duration: -1, permissions: robotPermissions })}
# The answer holds its whole name and its secret, once.
`;
}
