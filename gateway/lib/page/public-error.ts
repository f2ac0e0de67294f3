import type { PublicError } from '../errors.ts';
import { type ErrorPage, renderErrorPage } from './page.ts';

/** An error that a program would be told as JSON, for a person: what happened, what to do, and what to quote. */
export function renderPublicError(error: PublicError, links: ErrorPage['links'] = []): string {
  const { statusCode: status, message, remedy, code, requestId, details } = error;
  const heading = details?.['heading'];
  const facts = details?.['facts'];
  return renderErrorPage({
    status,
    heading: typeof heading === 'string' ? heading : (headings[status] ?? otherHeading(status)),
    reason: message,
    ...(remedy === undefined ? {} : { remedy }),
    facts: [...(Array.isArray(facts) ? (facts as [string, string][]) : []), ['Error', code], ['Request', requestId]],
    links,
  });
}

const headings: Record<number, string> = {
  401: 'Not signed in',
  404: 'Not found',
  503: 'Not available at the moment',
};
const otherHeading = (status: number): string => (status >= 500 ? 'Something went wrong' : 'That did not work');
