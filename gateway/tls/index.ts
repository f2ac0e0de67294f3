/**
 * tls: the certificate the edge shows.
 * Owns: the local CA and its leaves, or watched certificate files; making either (admission has an authority of its own); which server names are answered; hot swap.
 * Does not own: the listener (app).
 * Mounts: nothing.
 */
export type { CertificateOptions, Certificates } from './certificates.ts';
export { checkCertificateFiles } from './files.ts';
export { authorityName, makeAuthority, makeLeaf, newKey, type Pair, renewBeforeMs } from './issue.ts';
export { caFileIn, isUsable } from './local.ts';
export { createCertificates } from './service.ts';
export { tlsOptions } from './options.ts';
export { NameRefusal } from './presenter.ts';
