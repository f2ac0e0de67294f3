import { readFileSync } from 'node:fs';
import { type AppSettings, absolute, type Config, type PublicAddress } from '../config/index.ts';
import { endedWithOurs, ownSessionsOf } from '../integrations/index.ts';
import { knotError } from '../lib/index.ts';
import { parseUpstream, type Route } from '../routes/index.ts';

/**
 * A web application as a route. The operator wrote its address down, so it may be on this machine.
 * @throws KNOT_APP_CA_UNREADABLE
 */
export function appRoute(app: AppSettings, config: Config, address: PublicAddress): Route {
  return {
    host: address.hostOf(app.name),
    name: app.name,
    kind: 'app',
    title: app.title ?? app.name,
    audience: app.audience,
    upstream: parseUpstream(app.upstream, {
      allowLoopback: true,
      http2: app.http2,
      ...(app.ca !== undefined && { ca: readCa(config, app.ca) }),
    }),
    ownedPrefixes: app.ownedPaths,
    untouchedPrefixes: app.publicPaths,
    switches: {
      encodedSlash: app.encodedSlash,
      doubleSlash: app.doubleSlash,
      pathParameters: app.pathParameters,
      methods: app.methods,
      crossOrigins: app.crossOrigins,
      groups: app.groups,
      ...endedWithOurs(ownSessionsOf(app)),
    },
  };
}

/**
 * The authority that an upstream's certificate is to be signed by.
 * @throws KNOT_APP_CA_UNREADABLE
 */
export function readCa(config: Config, name: string): string {
  const file = absolute(config, name)!;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw knotError(
      'KNOT_APP_CA_UNREADABLE',
      500,
      `The file ${file} of an application's certificate authority cannot be read.`,
      {
        cause: error,
        remedy: 'Correct `ca` of the application in the configuration.',
      },
    );
  }
}
