import type { ComponentHealth } from '../../lib/index.ts';
import { createFindings, noteClock } from '../findings.ts';
import { type Older, olderThan } from '../older.ts';
import type { AskHarbor } from './ask.ts';
import { configurationsOf, lookAtSignIn, signInFinding, type SignInSettings } from './sign-in-settings.ts';

/** Of the oldest version whose API and sign-in were looked at. */
const oldest = '2.13';

type SystemInfo = { auth_mode?: string; harbor_version?: string; external_url?: string };

/** What it says of its version to who is signed in. */
export async function olderHarbor(ask: AskHarbor): Promise<Older | undefined> {
  const { body } = await ask<SystemInfo>('GET', '/api/v2.0/systeminfo');
  return olderThan(oldest, { title: 'Harbor', version: body?.harbor_version });
}

/** Asks a running Harbor whether it is set up as Knot needs it: each finding once, in the order one would look. */
export async function checkHarbor(
  ask: AskHarbor,
  facts: {
    url: string;
    issuer: string;
    isAdministrator: boolean;
    hasLogin: boolean;
    wanted: SignInSettings;
    hasOwnAuthority: boolean;
    now(): number;
  },
): Promise<ComponentHealth[]> {
  const { found, note, answered, tried } = createFindings();
  const info = await tried('answers', () =>
    ask<SystemInfo>('GET', '/api/v2.0/systeminfo', facts.hasLogin ? {} : { as: null }),
  );
  if (info === undefined) return found;
  const { body } = info;
  if (!answered({ name: 'harbor', title: 'Harbor' }, body, ({ harbor_version }) => harbor_version)) return found;
  const older = olderThan(oldest, { title: 'Harbor', version: body.harbor_version });
  if (older) note('version', 'warning', older.message, older.remedy);
  noteClock({ note }, 'clock', info.headers, facts.now());
  await tried('address', async () => {
    // It tells the host that it is asked as, which is the public one for whoever comes through Knot, and the scheme that it was told.
    const { headers } = await ask('GET', '/v2/', { as: null, host: new URL(facts.url).host, also: [401] });
    const realm = /realm="([^"]*)"/.exec(String(headers['www-authenticate'] ?? ''))?.[1];
    // Where the issuer sends people back to; it says it to who is signed in.
    const isTold = body.external_url === undefined || body.external_url.replace(/\/$/, '') === facts.url;
    if (realm === `${facts.url}/service/token` && isTold)
      return note('address', 'ok', 'It tells programs the right address.');
    const remedy = `Set externalURL of Harbor (external_url of harbor.yml) to ${facts.url}.`;
    note(
      'address',
      'failed',
      'It takes another address for its own than that at which Knot serves it: nobody can sign in.',
      remedy,
    );
  });
  if (!facts.hasLogin) {
    const remedy = 'Set integrations.harbor.admin or integrations.harbor.robot in knot.yaml.';
    note('login', 'warning', 'Knot has no login of its own: it makes no projects and lists no images.', remedy);
    return found;
  }
  // Lists are answered to nobody as well. A robot is nobody's user: 412.
  const isLetIn = await tried('login', () => ask('GET', '/api/v2.0/users/current', { also: [412] }));
  if (isLetIn === undefined) return found;
  note('login', 'ok', 'Knot’s own login is accepted.');
  if (!facts.isAdministrator) {
    const isSet = body.auth_mode === 'oidc_auth';
    const remedy = 'Paste what `knot integrations show harbor` prints.';
    if (isSet) note('sign-in', 'ok', 'People sign in by OpenID Connect; with a robot Knot cannot see the settings.');
    else note('sign-in', 'failed', 'People do not sign in with Knot.', remedy);
    return found;
  }
  await tried('sign-in', async () => {
    const state = lookAtSignIn(await configurationsOf(ask), facts.wanted);
    // Where Knot made its own certificate it is for Harbor to say whether it knows the authority (`issuer` below).
    const wrong = facts.hasOwnAuthority ? state.wrong.filter((name) => name !== 'oidc_verify_cert') : state.wrong;
    found.push(signInFinding({ ...state, wrong }));
  });
  await tried('issuer', async () => {
    const ping = async (verify_cert: boolean): Promise<boolean> =>
      (await ask('POST', '/api/v2.0/system/oidc/ping', { body: { url: facts.issuer, verify_cert }, also: [400] }))
        .status === 200;
    if (await ping(true)) return note('issuer', 'ok', 'Harbor reaches Knot and trusts its certificate.');
    if (await ping(false)) {
      const status = facts.hasOwnAuthority ? 'warning' : 'failed';
      return note(
        'issuer',
        status,
        'Harbor reaches Knot but does not trust its certificate.',
        'Have Harbor trust its authority (caBundleSecretName of its chart).',
      );
    }
    note(
      'issuer',
      'failed',
      'Harbor cannot reach Knot: nobody can sign in.',
      `See that ${facts.issuer} can be reached from Harbor’s core.`,
    );
  });
  return found;
}
