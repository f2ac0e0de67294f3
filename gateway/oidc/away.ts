import type { errors as ProviderErrors } from 'oidc-provider';
import { KnotError } from '../lib/index.ts';

/** What the provider may answer with when something behind it is away; the rest of a 5xx is its own `server_error`. */
export type TellingAway = <Given extends unknown[], Result>(
  work: (...given: Given) => Promise<Result>,
) => (...given: Given) => Promise<Result>;

/**
 * Wraps whatever the provider asks of us, so that a store that is away becomes `temporarily_unavailable`: the error that RFC 6749
 * section 4.1.2.1 has for redirects, where a 503 cannot be sent, and 503 with `Retry-After` everywhere else.
 */
export function createTellingAway({ OIDCProviderError }: typeof ProviderErrors): TellingAway {
  return (work) =>
    async (...given) => {
      try {
        return await work(...given);
      } catch (error) {
        if (!(error instanceof KnotError) || error.statusCode !== 503) throw error;
        const away = new OIDCProviderError(503, 'temporarily_unavailable');
        // Shown although it is a 5xx; the cause and what it says are for the log.
        throw Object.assign(away, { expose: true, error_description: 'try again in a moment', cause: error });
      }
    };
}

/** The way back, for what the main host answers itself: the error that the provider was told, as it was. */
export async function asItWas<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Error && error.cause instanceof KnotError ? error.cause : error;
  }
}

/** The same for every method of what is given to the provider. */
export function tellingAwayIn<T extends object>(tellingAway: TellingAway, methods: T): T {
  const wrapped = Object.entries(methods).map(([name, method]: [string, unknown]): [string, unknown] => [
    name,
    typeof method === 'function' ? tellingAway(method as never) : method,
  ]);
  return Object.fromEntries(wrapped) as T;
}
