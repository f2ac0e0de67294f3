import type { DecisionExplanation, ExplainDecision, ExplainUrl, UrlExplanation } from '../api/index.ts';
import { type Config, parseListen, type PublicAddress, publicAddress } from '../config/index.ts';
import type { Denial, Denials } from '../denials/index.ts';
import { knotError, type Resource, silentLog, systemClock } from '../lib/index.ts';
import { createPolicy, type Policy } from '../policy/index.ts';
import { createExplain } from '../proxy/index.ts';
import type { Facts } from './facts.ts';
import { sharesOfServices } from './share-rights.ts';

/** Tells what the gateway would do with a request: the proxy maps the address, the policies explain the verdict. */
export function createExplainUrl(
  { routes, accounts, shares, policy }: Pick<Facts, 'routes' | 'accounts' | 'shares'> & { policy: Policy },
  address: PublicAddress,
  limits: Config['limits'],
): ExplainUrl {
  const ask = createExplain({
    routes,
    accounts,
    publicAddress: address,
    limits,
    sharedOn: sharesOfServices(shares),
    explain: policy.explain,
  });
  return async (question) => {
    const answer = await ask(question);
    switch (answer.outcome) {
      case 'decided': {
        const { route, action, resource, explanation } = answer;
        const { owner } = resource.attributes;
        const title = owner === undefined ? route.title : `what belongs to ${owner} in ${route.title}`;
        return { route: route.name, title, action, resource: inCedar(resource), explanation };
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
        throw knotError(
          'KNOT_APP_EXPLAIN_MAIN',
          422,
          'Knot itself answers this address, where each page decides for itself.',
          {
            remedy: `Give the address of a tool or application, such as https://jupyterhub.${address.domain}/.`,
          },
        );
      case 'untouched':
        throw knotError(
          'KNOT_APP_EXPLAIN_UNTOUCHED',
          422,
          `${answer.route.title} checks this path itself: Knot forwards it without a session.`,
        );
    }
  };
}

/** Finds a refusal by the id that its page named, and asks the same again of the set in force and of the person as they are now. */
export function createExplainDecision(
  {
    denials,
    accounts,
    policy,
  }: { denials: Pick<Denials, 'find'> } & Pick<Facts, 'accounts'> & {
      policy: Pick<Policy, 'explain'>;
    },
  address: Pick<PublicAddress, 'originOf'>,
): ExplainDecision {
  return async (id) => {
    const denial = await denials.find(id.trim().toLowerCase());
    if (denial === undefined) {
      throw knotError('KNOT_APP_DECISION_UNKNOWN', 404, 'No refusal of this id is known.', {
        remedy:
          'Ids are kept for a day, and not every one of somebody who is refused again and again. Compare the id, or explain the address instead.',
      });
    }
    const { at, route, request, decision } = denial;
    const { action, resource, context } = request;
    const principal = (await accounts.principal(request.principal.id)) ?? request.principal;
    return {
      id: denial.id,
      at,
      username: request.principal.username,
      facts: factsOf(denial),
      method: context.method,
      url: `${address.originOf(context.host)}${context.path}`,
      route,
      action,
      resource: inCedar(resource),
      decision,
      now: await policy.explain({ ...request, principal }),
    };
  };
}

const inCedar = ({ type, id }: Resource): string => `${type}::"${id}"`;

function factsOf({ request: { principal, resource, context } }: Denial): DecisionExplanation['facts'] {
  const person = { username: principal.username, email: principal.email, state: principal.state };
  const teams = principal.teams.map(({ name }) => name).join(', ') || 'none';
  const of = (about: 'person' | 'resource' | 'request', values: Record<string, string>) =>
    Object.entries(values).map(([name, value]) => ({ about, name, value }));
  return [
    ...of('person', { ...person, isAdmin: String(principal.isAdmin), teams }),
    ...of('resource', { type: resource.type, id: resource.id, ...resource.attributes }),
    ...of('request', { address: context.address, isUpgrade: String(context.isUpgrade) }),
  ];
}

const addressIn = (config: Config): PublicAddress => publicAddress(config, parseListen(config.listen).port);

/** For the command line, where nothing listens: the policies are those that lie in the folder now. */
async function withPolicies<T>(config: Config, work: (policy: Policy) => Promise<T>): Promise<T> {
  const policy = await createPolicy({
    folder: config.policies,
    clock: systemClock,
    log: silentLog,
    // A command that reads the folder changes nothing that is in force.
    recordReload: () => undefined,
  });
  try {
    return await work(policy);
  } finally {
    await policy.close();
  }
}

export async function explainUrl(
  { routes, accounts, shares }: Facts,
  config: Config,
  question: { username: string; method: string; url: string },
): Promise<UrlExplanation> {
  await shares.load();
  const parts = { routes, accounts, shares };
  return withPolicies(config, (policy) =>
    createExplainUrl({ ...parts, policy }, addressIn(config), config.limits)(question),
  );
}

export function explainDecision(
  { denials, accounts }: Facts,
  config: Config,
  id: string,
): Promise<DecisionExplanation> {
  return withPolicies(config, (policy) => createExplainDecision({ denials, accounts, policy }, addressIn(config))(id));
}
