/**
 * Cookies of the provider, all on the main host only. `__Host-` where the path is `/`; the other two are scoped to the path
 * of one interaction, which `__Host-` forbids (RFC 6265bis section 4.1.3).
 */
export const cookieNames = {
  session: '__Host-knot-oidc',
  interaction: '__Secure-knot-interaction',
  resume: '__Secure-knot-resume',
} as const;

const common = { httpOnly: true, sameSite: 'lax', secure: true, signed: true } as const;

export const sessionCookie = { ...common, path: '/' } as const;
export const interactionCookie = common;
