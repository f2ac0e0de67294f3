import type { ComponentHealth } from '../../lib/index.ts';
import { KnotError } from '../../lib/index.ts';
import type { Workflows } from './workflows.ts';

/** Whether a running server is set up as `settings` says. Asks it as nobody, and as one of the accounts that it acts as. */
export async function checkArgo(workflows: Workflows, namespace?: string): Promise<ComponentHealth[]> {
  const found: ComponentHealth[] = [];
  const say = (name: string, isRight: boolean, right: string, wrong: string): void =>
    void found.push({ name, status: isRight ? 'ok' : 'failed', message: isRight ? right : wrong });
  try {
    const { status } = await workflows.ask('/api/v1/version');
    if (status === 200) {
      const wrong =
        'It asks nobody who they are: started with --auth-mode server it does everything for everybody with its own rights. Leave that mode out.';
      return [{ name: 'argo: sign-in', status: 'failed', message: wrong }];
    }
    say('argo: sign-in', status === 401, 'It asks who one is.', `It answers ${status}; 401 was expected.`);
    if (status !== 401 || namespace === undefined) return found;

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
    say('argo: version', isKnown, `It is ${shown}.`, `It is ${shown}; Knot was tried with 4.0.`);
    const own = await workflows.ask(`/api/v1/workflows/${namespace}?listOptions.limit=1`, namespace);
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
    found.push({
      ...{ name: 'argo', status: 'failed', message: isKnown ? error.message : 'It could not be asked.' },
      remedy:
        (isKnown ? error.remedy : undefined) ??
        'See that its server runs, and that integrations.argo.upstream is its address.',
    });
  }
  return found;
}
