import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { pageHeaders } from '../lib/index.ts';
import { providerErrorPage, unknownPage } from './pages.ts';

/** Answers an OAuth error that is shown to the person; the provider has set the status. */
export function renderError(
  context: KoaContextWithOIDC,
  out: { error: string; error_description?: string | undefined },
): void {
  const { status, page } = providerErrorPage({
    error: out.error,
    description: out.error_description,
    status: context.status,
    isSignOut: ['end_session', 'end_session_confirm'].includes(context.oidc?.route ?? ''),
  });
  context.status = status;
  renderHtml(context, page);
}

/** Sends one of our pages from inside the provider. */
export function renderHtml(context: KoaContextWithOIDC, page: string): void {
  context.set(pageHeaders as Record<string, string>);
  context.body = page;
}

/** Answers what no route answered. */
export const answerUnknown: Parameters<Provider['use']>[0] = async (context, next) => {
  await next();
  if (context.status !== 404 || context.body !== undefined) return;
  context.status = 404;
  if (context.accepts('json', 'html') === 'html') renderHtml(context as KoaContextWithOIDC, unknownPage());
  else context.body = { error: 'not_found', error_description: 'there is no such endpoint' };
};

/** `Retry-After` on every 503, and the answer to what failed for want of the store outside of the routes' own error handling. */
export const answerAway: Parameters<Provider['use']>[0] = async (context, next) => {
  try {
    await next();
  } catch (error) {
    const { statusCode } = (error ?? {}) as { statusCode?: unknown };
    if (statusCode !== 503 || context.respond === false) throw error;
    context.status = 503;
    const out = { error: 'temporarily_unavailable', error_description: 'try again in a moment' };
    if (context.accepts('json', 'html') === 'html') renderError(context as KoaContextWithOIDC, out);
    else context.body = out;
  }
  if (context.status === 503) context.set('retry-after', '5');
};
