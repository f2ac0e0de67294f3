import type { KoaContextWithOIDC } from 'oidc-provider';
import { pageHeaders } from '../lib/index.ts';
import { providerErrorPage } from './pages.ts';

/** Answers an OAuth error that is shown to the person; the provider has set the status. */
export function renderError(
  context: KoaContextWithOIDC,
  out: { error: string; error_description?: string | undefined },
): void {
  const { status, page } = providerErrorPage({
    error: out.error,
    description: out.error_description,
    status: context.status,
  });
  context.status = status;
  renderHtml(context, page);
}

/** Sends one of our pages from inside the provider. */
export function renderHtml(context: KoaContextWithOIDC, page: string): void {
  context.set(pageHeaders as Record<string, string>);
  context.body = page;
}
