/**
 * The authentication context class of a password typed over TLS, as `acr` (OpenID Connect Core 1.0 section 2: an absolute URI).
 * SAML named it first and clients know that name: OASIS `saml-authn-context-2.0-os`, section 3.4.8.
 */
export const passwordContext = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';
