import type { ComponentHealth } from '../../lib/index.ts';
import { KnotError } from '../../lib/index.ts';
import { whyAway } from '../ask.ts';
import { createFindings, noteClock } from '../findings.ts';
import { type Older, olderThan } from '../older.ts';
import { argo, type KnowsWorkflows, noDefinitions, type Workflows } from './workflows.ts';

type Facts = {
  /** One that an account acts in; undefined where there is none yet. */
  namespace: string | undefined;
  /** Where the server signs people in itself: at whom, and where it has them come back. */
  signIn: { issuer: string; redirectUri: string } | undefined;
  /** Absent where there is no cluster to ask. */
  knows: KnowsWorkflows | undefined;
  now(): number;
};

/** Of the oldest version that was tried. */
const oldest = '4.0';

/** What an account is told of the version of the server. */
export async function olderArgo(workflows: Workflows, namespace: string): Promise<Older | undefined> {
  const { body } = await workflows.ask('/api/v1/version', namespace);
  return olderThan(oldest, { title: argo.title, version: (body as { version?: unknown } | null)?.version });
}

/** Whether a running server is set up as `settings` says. Asks it as nobody, and as one of the accounts that it acts as. */
export async function checkArgo(
  workflows: Workflows,
  { namespace, signIn, knows, now }: Facts,
): Promise<ComponentHealth[]> {
  const { found, note } = createFindings();
  const say = (name: string, isRight: boolean, right: string, wrong: string): void =>
    note(name, isRight ? 'ok' : 'failed', isRight ? right : wrong);
  try {
    const { status, headers } = await workflows.ask('/api/v1/version');
    if (status === 200) {
      const wrong =
        'It asks nobody who they are: started with --auth-mode server it does everything for everybody with its own rights. Leave that mode out.';
      note('argo: sign-in', 'failed', wrong);
      return found;
    }
    if (status >= 500) {
      const { message, remedy } = whyAway(undefined, argo);
      note('argo', 'failed', message, remedy);
      return found;
    }
    say('argo: sign-in', status === 401, 'It asks who one is.', `It answers ${status}; 401 was expected.`);
    noteClock({ note }, 'argo: clock', headers, now());
    if (status !== 401) return found;
    if (signIn) await checkSignIn(workflows, signIn, say);
    if (namespace === undefined) return found;

    const version = await workflows.ask('/api/v1/version', namespace);
    const says = (version.body as { version?: unknown } | null)?.version;
    const isKnown = typeof says === 'string' && /^v?4\./.test(says);
    say(
      'argo: token',
      version.status === 200,
      'It takes a token of the cluster.',
      'It does not take a token of the cluster: start it with --auth-mode client.',
    );
    if (version.status !== 200) return found;
    const shown = typeof says === 'string' ? says.slice(0, 40) : 'of an unknown version';
    say('argo: version', isKnown, `It is ${shown}.`, `It is ${shown}; Knot was tried with ${oldest}.`);
    const own = await workflows.ask(`/api/v1/workflows/${namespace}?listOptions.limit=1`, namespace);
    if (own.status === 404 || (await knows?.().catch(() => true)) === false) {
      note('argo: definitions', 'failed', noDefinitions.message, noDefinitions.remedy);
      return found;
    }
    say(
      'argo: own workflows',
      own.status === 200,
      'An account sees the workflows of its namespace.',
      `An account does not see the workflows of its namespace (${own.status}): install the role knot-argo of Knot's chart.`,
    );
    const all = await workflows.ask('/api/v1/workflows/?listOptions.limit=1', namespace);
    say(
      'argo: workflows of others',
      all.status === 403,
      'It sees those of no other.',
      `It was let see those of all namespaces (${all.status}): some role gives accounts of people too much.`,
    );
  } catch (error) {
    const isKnown = error instanceof KnotError;
    note(
      'argo',
      'failed',
      isKnown ? error.message : 'It could not be asked.',
      (isKnown ? error.remedy : undefined) ??
        'See that its server runs, and that integrations.argo.upstream is its address.',
    );
  }
  return found;
}

/** Where it sends whoever is to sign in (server/auth/sso, `HandleRedirect`). */
async function checkSignIn(
  workflows: Workflows,
  { issuer, redirectUri }: NonNullable<Facts['signIn']>,
  say: (name: string, isRight: boolean, right: string, wrong: string) => void,
): Promise<void> {
  const { status, headers } = await workflows.ask('/oauth2/redirect?redirect=/');
  const { location = '' } = headers;
  const to = URL.canParse(location) ? new URL(location) : undefined;
  say(
    'argo: signs in at Knot',
    status === 302 && to?.href.startsWith(`${issuer}/`) === true,
    'It sends people to Knot to sign in.',
    status === 302
      ? `It sends people to ${to?.origin ?? 'nowhere'} to sign in: its sso.issuer is to be ${issuer}.`
      : `It signs nobody in (${status}): start it with --auth-mode sso, and with what \`knot integrations show argo\` says of sso.`,
  );
  if (status !== 302) return;
  const back = to?.searchParams.get('redirect_uri');
  say(
    'argo: comes back from Knot',
    back === redirectUri,
    'It has people come back to its own address.',
    `It has people come back to ${back?.slice(0, 200) ?? 'no address'}: its sso.redirectUrl is to be ${redirectUri}.`,
  );
}
