import { type IdentifyBearer, KnotError } from '../../lib/index.ts';
import { actionOf, type Programs } from './gate.ts';

/** RFC 6750 section 2.1; the scheme in any letter case (RFC 9110 section 11.1). */
const bearer = /^bearer +([^ ]+) *$/i;

export function createPrograms(identifyBearer: IdentifyBearer | undefined): Programs {
  return {
    secretOf(authorization, { switches }) {
      if (authorization === undefined || switches.programs === undefined) return undefined;
      return bearer.exec(authorization)?.[1];
    },
    async find(secret, asked, { host, switches }) {
      try {
        const identity = await identifyBearer?.(secret, asked.address);
        if (identity === undefined) return 'unknown';
        const { principal, session, token } = identity;
        const act = actionOf(asked) === 'view' ? 'read' : 'write';
        if (token?.allows(switches.programs!, act) === false) return 'scope';
        return { principal, session: { ...session, host }, isProgram: true };
      } catch (error) {
        if (error instanceof KnotError && error.statusCode === 429) return 'too-often';
        throw error;
      }
    },
  };
}
