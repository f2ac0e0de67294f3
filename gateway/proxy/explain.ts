import type { Accounts } from '../accounts/index.ts';
import type { PublicAddress } from '../config/index.ts';
import {
  type Action,
  type AuthorizationRequest,
  canonicalize,
  addressBlocks,
  knotError,
  type Principal,
  type ReasonCode,
  refusals,
  refusedOddity,
  type Resource,
} from '../lib/index.ts';
import type { Explanation } from '../policy/index.ts';
import type { Route, Routes } from '../routes/index.ts';
import { askedOf, isUntouched, type SharedOn } from './judge/gate.ts';
import { refusedMethod } from './wire/methods.ts';

export type ExplainOptions = {
  routes: Pick<Routes, 'find' | 'resourceAt'>;
  accounts: Pick<Accounts, 'principalByName'>;
  publicAddress: Pick<PublicAddress, 'domain'>;
  sharedOn: SharedOn;
  explain(request: AuthorizationRequest): Promise<Explanation>;
};

export type UrlExplanation =
  /** Refused at the edge, before anyone asks who it is. */
  | { outcome: 'refused'; reason: ReasonCode; message: string }
  /** Not the proxy's to decide: the main host decides page by page. */
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
    );
    if (typeof canonical === 'string') return refused(canonical);
    if (canonical.host === publicAddress.domain) return { outcome: 'main' };
    const route = routes.find(canonical.host);
    if (route === undefined) return refused('unknown_host');
    const reason =
      refusedMethod(canonical.method, route.switches.methods) ?? refusedOddity(canonical.oddities, route.switches);
    if (reason !== undefined) return refused(reason);
    if (isUntouched(route, canonical.decodedPath)) return { outcome: 'untouched', route };
    const request = askedOf(options, canonical, route, await personOf(question));
    const { action, resource } = request;
    return { outcome: 'decided', route, action, resource, explanation: await explain(request) };
  };
}

function refused(reason: ReasonCode): UrlExplanation {
  return { outcome: 'refused', reason, message: refusals[reason].message };
}
