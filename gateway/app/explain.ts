import type { ExplainUrl, UrlExplanation } from '../api/index.ts';
import { type Config, parseListen, type PublicAddress, publicAddress } from '../config/index.ts';
import { knotError, silentLog, systemClock } from '../lib/index.ts';
import { createPolicy, type Policy } from '../policy/index.ts';
import { createExplain as createProxyExplain } from '../proxy/index.ts';
import type { Facts } from './facts.ts';

/** Tells what the gateway would do with a request: the proxy maps the address, the policies explain the verdict. */
export function createExplain(
  { routes, accounts, policy }: Pick<Facts, 'routes' | 'accounts'> & { policy: Policy },
  address: Pick<PublicAddress, 'domain'>,
): ExplainUrl {
  const ask = createProxyExplain({ routes, accounts, publicAddress: address, explain: policy.explain });
  return async (question) => {
    const answer = await ask(question);
    switch (answer.outcome) {
      case 'decided': {
        const { route, action, resource, explanation } = answer;
        return { route: route.name, action, resource: `${resource.type}::"${resource.id}"`, explanation };
      }
      case 'refused':
        throw knotError(
          'KNOT_APP_EXPLAIN_REFUSED',
          422,
          `This request is refused before anyone asks who it is: ${answer.message}`,
          {
            details: { reason: answer.reason },
          },
        );
      case 'main':
        throw knotError('KNOT_APP_EXPLAIN_MAIN', 422, 'This is the main host, where each page decides for itself.', {
          remedy: 'Give the address of a tool or application, such as https://jupyterhub.DOMAIN/.',
        });
      case 'untouched':
        throw knotError(
          'KNOT_APP_EXPLAIN_UNTOUCHED',
          422,
          `${answer.route.title} checks this path itself: Knot forwards it without a session.`,
        );
    }
  };
}

/** The same for the command line, where nothing listens: the policies are those that lie in the folder now. */
export async function explainUrl(
  { routes, accounts }: Facts,
  config: Config,
  question: { username: string; method: string; url: string },
): Promise<UrlExplanation> {
  const policy = await createPolicy({ folder: config.policies, clock: systemClock, log: silentLog });
  try {
    return await createExplain(
      { routes, accounts, policy },
      publicAddress(config, parseListen(config.listen).port),
    )(question);
  } finally {
    await policy.close();
  }
}
