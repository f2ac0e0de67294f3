import type { Route } from '../../routes/index.ts';

/** A JSON Web Token (RFC 7519), which no credential of Knot's for programs is. */
const ownToken = /^bearer +eyJ[\w-]+\.[\w-]+\.[\w-]+ *$/i;

/** Whether a request shows a token that is the upstream's to judge, where a route lets such in (`switches.ownTokens`). */
export function bringsOwnToken(authorization: string | undefined, { ownTokens }: Route['switches']): boolean {
  return ownTokens === true && authorization !== undefined && ownToken.test(authorization);
}
