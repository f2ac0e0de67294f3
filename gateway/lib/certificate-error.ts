/** Whether a connection failed because the other end could not prove who it is (codes of Node's TLS and of OpenSSL). */
export const isCertificateError = (code: string): boolean =>
  /^(?:CERT_|ERR_TLS|ERR_SSL)|SELF_SIGNED|UNABLE_TO|_CERT/.test(code);
