import type * as Library from 'oidc-provider';
import type { Log } from '../lib/index.ts';

export type ProviderLibrary = typeof Library;

/**
 * Loads `oidc-provider` when the gateway starts, so that the command line, which only needs the clients, does not. It prints a
 * notice on a Node release that is not marked as long-term support yet; that goes to our log instead of the console.
 */
export async function loadProviderLibrary(log: Log): Promise<ProviderLibrary> {
  const { warn } = console;
  console.warn = (notice: unknown) => log.debug({ notice: String(notice) }, 'notice of the OpenID provider library');
  try {
    return await import('oidc-provider');
  } finally {
    console.warn = warn;
  }
}
