import type { Accounts } from '../accounts/index.ts';
import { defaultLimits, type LimitSettings } from '../config/index.ts';
import {
  type Action,
  type AuthorizationRequest,
  canonicalize,
  addressBlocks,
  knotError,
  type Principal,
  type ReasonCode,
  refusals,
  type Resource,
} from '../lib/index.ts';
import type { Explanation } from '../policy/index.ts';
import type { Route, Routes } from '../routes/index.ts';
import { isReserved } from './handoff.ts';
import { askedOf, isUntouched, type SharedOn } from './judge/gate.ts';
import { createDestinations, type HostNames } from './listener/destination.ts';

export type ExplainOptions = {
  routes: Pick<Routes, 'find' | 'resourceAt'>;
  accounts: Pick<Accounts, 'principalByName'>;
  publicAddress: HostNames;
  /** Those of the edge. */
  limits?: Partial<LimitSettings>;
  sharedOn: SharedOn;
  explain(request: AuthorizationRequest): Promise<Explanation>;
};

export type UrlExplanation =
  /** Refused at the edge, before anyone asks who it is. */
  | { outcome: 'refused'; reason: ReasonCode; message: string }
  /** Not the proxy's to decide: Knot itself answers, page by page, on the main host and below `/.knot` of every other. */
  | { outcome: 'main' }
  /** Forwarded without a session: a path of clients with tokens of their own. */
  | { outcome: 'untouched'; route: Route }
  | { outcome: 'decided'; route: Route; action: Action; resource: Resource; explanation: Explanation };

/**
 * What the gateway would do with a request, told by the same steps that a real one takes.
 *
 * @throws KNOT_PROXY_EXPLAIN_INPUT (400) when the address is no https URL
 * @throws KNOT_PROXY_EXPLAIN_PERSON (404) when the person does not exist
 */
export type ExplainUrl = (question: {
  username?: string;
  principal?: Principal;
  method: string;
  url: string;
  address?: string;
}) => Promise<UrlExplanation>;

const nobodyTrusted = addressBlocks([]);
/** What follows `#` never leaves a browser; `https://` may be left out, as browsers leave it out when they show an address. */
const urlPattern = /^(?:https:\/\/)?((?:[^/?#:]|:(?=\d))+)(?=[/?#]|$)([^#]*)/i;

export function createExplain(options: ExplainOptions): ExplainUrl {
  const { routes, accounts, publicAddress, explain } = options;
  const destination = createDestinations(routes, publicAddress);
  const limits = { ...defaultLimits, ...options.limits };

  async function personOf(question: { username?: string; principal?: Principal }): Promise<Principal> {
    const found = question.principal ?? (await accounts.principalByName(question.username ?? ''));
    if (found) return found;
    throw knotError('KNOT_PROXY_EXPLAIN_PERSON', 404, `There is no user "${question.username ?? ''}".`, {
      remedy: 'Give the name they sign in with; the list of users shows all names.',
    });
  }

  return async (question) => {
    const match = urlPattern.exec(question.url.trim());
    if (match === null) {
      throw knotError('KNOT_PROXY_EXPLAIN_INPUT', 400, `"${question.url}" is not an https address.`, {
        remedy: 'Give the whole address, as it stands in the browser.',
      });
    }
    const target = match[2]!.startsWith('/') ? match[2]! : `/${match[2]!}`;
    const canonical = canonicalize(
      {
        method: question.method,
        target,
        rawHeaders: ['host', match[1]!],
        protocol: 'h1',
        httpVersion: '1.1',
        peerAddress: question.address ?? '127.0.0.1',
        isUpgrade: false,
      },
      nobodyTrusted,
      limits,
    );
    if (typeof canonical === 'string') return refused(canonical);
    const route = destination(canonical);
    if (route === 'main') return { outcome: 'main' };
    if ('reasonCode' in route) return refused(route.reasonCode);
    if (isReserved(canonical)) return { outcome: 'main' };
    if (isUntouched(route, canonical)) return { outcome: 'untouched', route };
    const request = askedOf(options, canonical, route, await personOf(question));
    const { action, resource } = request;
    return { outcome: 'decided', route, action, resource, explanation: await explain(request) };
  };
}

function refused(reason: ReasonCode): UrlExplanation {
  return { outcome: 'refused', reason, message: refusals[reason].message };
}
