import { denialWords, isCertificateError, type Principal, type ReasonCode, refusals } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import type { Refusal } from './answers.ts';
import type { Verdict } from '../judge/gate.ts';

/** Every answer the proxy gives in its own name, built in one place so that tone and facts stay even. */

/** A refusal at the edge, before anybody asks who it is. */
export type EdgeRefusal = Refusal & { reasonCode: ReasonCode };

export function notCanonical(reasonCode: ReasonCode): EdgeRefusal {
  const { status, message } = refusals[reasonCode];
  const isUnknown = reasonCode === 'unknown_host' || reasonCode === 'misdirected';
  return {
    status,
    heading: isUnknown ? 'Nothing here' : 'Request refused',
    reason: message,
    ...(status === 431 && {
      remedy: 'Too many cookies may have collected for this site. Clear its cookies in the browser and try again.',
    }),
    ...(!isUnknown && { facts: [['Reason', reasonCode]] as const, details: { reason: reasonCode } }),
    code: isUnknown ? 'KNOT_PROXY_UNKNOWN_HOST' : 'KNOT_PROXY_NOT_CANONICAL',
    reasonCode,
    ...(reasonCode === 'upgrade_version' && { headers: { 'sec-websocket-version': '13' } }),
    closesConnection: !isUnknown,
  };
}

/**
 * Below DOMAIN nothing answers at a host of this kind, and people's services are below APPSDOMAIN: told to everybody in the same words,
 * whether a service of the name is there or not (decision 0063).
 */
export function movedToApps(appsDomain: string, href: string): EdgeRefusal {
  return {
    ...notCanonical('unknown_host'),
    remedy: `If you look for a service of somebody: they have addresses below ${appsDomain} now.`,
    links: [{ href, label: 'Look there' }],
  };
}

export function methodNotAllowed(allowed: readonly string[]): EdgeRefusal {
  return { ...notCanonical('method_not_allowed'), headers: { allow: allowed.join(', ') } };
}

export function denied(options: {
  principal: Principal;
  route: Route;
  verdict: Verdict;
  decisionId: string;
  origin: string;
  /** Where the person may go on as somebody else and come back. */
  accountPage: string;
}): Refusal {
  const { principal, route, verdict, decisionId, origin, accountPage } = options;
  const { question, decision } = verdict;
  const { rules, reason, policyVersion } = decision;
  const rule = rules[0];
  if (principal.state === 'guest') return deniedGuest(options);
  return {
    status: 403,
    ...denialWords({
      username: principal.username,
      toDo: `${question.action} ${describe(route, verdict)}`,
      decisionId,
      rules,
    }),
    links: [
      { href: `${origin}/`, label: 'Home' },
      { href: accountPage, label: 'Switch account' },
      ...(principal.isAdmin ? [{ href: `${origin}/admin/policies?decision=${decisionId}`, label: 'Explain' }] : []),
    ],
    code: 'KNOT_PROXY_DENIED',
    reasonCode: reason,
    details: { decisionId, rule: rule?.rule ?? null, file: rule?.file ?? null, action: question.action, policyVersion },
  };
}

/** Who holds a link is told what it is good for; rules and accounts are nothing to them. */
function deniedGuest({ route, verdict, decisionId, accountPage }: Parameters<typeof denied>[0]): Refusal {
  const { question, decision } = verdict;
  const isLook = question.action === 'view';
  return {
    status: 403,
    heading: 'Not by this link',
    reason: isLook
      ? `The link does not let you into ${route.title} any more.`
      : `The link lets you look at ${route.title}, and not do anything in it.`,
    remedy: 'Ask whoever sent you the link for another one, or sign in if you have an account here.',
    facts: [['Decision', decisionId]],
    links: [{ href: accountPage, label: 'Sign in' }],
    code: 'KNOT_PROXY_DENIED',
    reasonCode: decision.reason,
    details: { decisionId, action: question.action },
  };
}

function describe(route: Route, { question }: Verdict): string {
  const { resource } = question;
  const owner = resource.attributes.owner;
  return owner === undefined ? route.title : `what belongs to ${owner} in ${route.title}`;
}

export function tooManyConnections(): Refusal {
  return {
    status: 429,
    heading: 'Too many connections',
    reason: 'Too many connections are open from your address.',
    remedy: 'Close some of them, or wait until others behind the same address have closed theirs.',
    code: 'KNOT_PROXY_TOO_MANY_CONNECTIONS',
    reasonCode: 'too_many_connections',
    headers: { 'retry-after': '5' },
    closesConnection: true,
  };
}

export function tooManyStreams(): Refusal {
  return {
    status: 429,
    heading: 'Too many streams',
    reason: 'Too many streams are open in this sign-in.',
    remedy: 'Close some pages that stay connected, such as notebooks and terminals.',
    code: 'KNOT_PROXY_TOO_MANY_STREAMS',
    reasonCode: 'too_many_streams',
    headers: { 'retry-after': '5' },
  };
}

export function notFoundHere(): Refusal {
  return {
    status: 404,
    heading: 'Nothing here',
    reason: 'This address is reserved for signing in, and there is nothing under it.',
    links: [{ href: '/', label: 'Open the application' }],
    code: 'KNOT_PROXY_RESERVED_PATH',
    reasonCode: 'reserved_path',
  };
}

export function unavailable(): Refusal {
  return {
    status: 503,
    heading: 'Not available',
    reason: 'Knot could not find out who you are.',
    remedy: 'Try again in a moment.',
    code: 'KNOT_PROXY_UNAVAILABLE',
    reasonCode: 'gateway_failure',
    headers: { 'retry-after': '5' },
  };
}

/** A tool that sends whoever Knot lets in to a sign-in of its own, again and again. */
export function notTaken({ title, name }: Pick<Route, 'title' | 'name'>): Refusal {
  return {
    status: 502,
    heading: `${title} does not take you as signed in`,
    reason: `You are signed in, and ${title} has sent you to sign in several times within half a minute.`,
    remedy: `Try again in a minute. If it stays so, tell an administrator: \`knot integrations check ${name}\` says what is wrong.`,
    code: 'KNOT_PROXY_NOT_TAKEN',
    reasonCode: 'sign_in_circle',
    headers: { 'retry-after': '30' },
  };
}

export type UpstreamFailure =
  | 'upstream_unreachable'
  | 'upstream_certificate'
  | 'upstream_protocol'
  | 'upstream_timeout'
  | 'upstream_unavailable'
  | 'upstream_busy'
  | 'upstream_target_refused'
  | 'body_too_slow'
  | 'request_not_forwardable';

const failures: Record<UpstreamFailure, { status: number; code: string; reason: string; remedy: string }> = {
  upstream_unreachable: {
    status: 502,
    code: 'KNOT_PROXY_UPSTREAM_UNREACHABLE',
    reason: 'The application does not answer at the moment.',
    remedy: 'It may be starting or restarting. Try again in a moment.',
  },
  upstream_certificate: {
    status: 502,
    code: 'KNOT_PROXY_UPSTREAM_CERTIFICATE',
    reason: 'The application could not prove that it is the right one.',
    remedy: 'An administrator can correct its certificate or the authority that is trusted for it.',
  },
  upstream_protocol: {
    status: 502,
    code: 'KNOT_PROXY_UPSTREAM_PROTOCOL',
    reason: 'The application gave an answer that is not valid HTTP.',
    remedy: 'Try again; if it stays, tell an administrator.',
  },
  upstream_timeout: {
    status: 504,
    code: 'KNOT_PROXY_UPSTREAM_TIMEOUT',
    reason: 'The application took too long to answer.',
    remedy: 'Try again in a moment.',
  },
  upstream_unavailable: {
    status: 503,
    code: 'KNOT_PROXY_UPSTREAM_UNAVAILABLE',
    reason: 'The application says that it cannot answer at the moment.',
    remedy: 'It may be starting or restarting. Try again in a moment.',
  },
  upstream_busy: {
    status: 503,
    code: 'KNOT_PROXY_UPSTREAM_BUSY',
    reason: 'The application has too much to do at the moment.',
    remedy: 'Try again in a moment.',
  },
  upstream_target_refused: {
    status: 502,
    code: 'KNOT_PROXY_TARGET_REFUSED',
    reason: 'The application behind this address may not be reached.',
    remedy: 'An administrator can correct the upstream address of this application.',
  },
  body_too_slow: {
    status: 408,
    code: 'KNOT_PROXY_BODY_TOO_SLOW',
    reason: 'The content of the request stopped arriving.',
    remedy: 'Check the connection and try again.',
  },
  request_not_forwardable: {
    status: 400,
    code: 'KNOT_PROXY_NOT_FORWARDABLE',
    reason: 'The request holds something that cannot be forwarded.',
    remedy: 'Try again without unusual headers.',
  },
};

/** What a failure is to people, in one sentence, and what they can do. */
export function wordsOf(failure: UpstreamFailure): { reason: string; remedy: string } {
  const { reason, remedy } = failures[failure];
  return { reason, remedy };
}

export function upstreamFailed(failure: UpstreamFailure, route: Route): Refusal {
  const { status, code, reason, remedy } = failures[failure];
  return {
    status,
    code,
    reason,
    remedy,
    heading: status === 503 || status === 502 ? `${route.title} is not available` : 'No answer',
    reasonCode: failure,
    ...(status === 503 && { headers: { 'retry-after': '5' } }),
    ...(failure === 'body_too_slow' && { closesConnection: true }),
  };
}

/** The `code` of a system or library error, or ''. */
export function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Which failure an error of the upstream connection is; names and addresses in it stay in the log. */
export function failureOf(error: Error): UpstreamFailure {
  const code = errorCode(error);
  if (code === 'KNOT_PROXY_TARGET_REFUSED') return 'upstream_target_refused';
  if (code === 'UPSTREAM_TIMEOUT' || code === 'ETIMEDOUT') return 'upstream_timeout';
  if (code === 'REQUEST_NOT_FORWARDABLE' || code === 'REQUEST_LENGTH_MISMATCH') return 'request_not_forwardable';
  const isProtocol =
    code === 'UPSTREAM_PROTOCOL' ||
    code === 'ERR_INVALID_CHAR' ||
    code.startsWith('ERR_HTTP') ||
    error instanceof RangeError;
  if (isProtocol) return 'upstream_protocol';
  return isCertificateError(code) ? 'upstream_certificate' : 'upstream_unreachable';
}
