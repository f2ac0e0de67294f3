/**
 * tls: the certificate the edge shows.
 * Owns: the local CA and its leaves, or watched certificate files; which server names are answered; hot swap.
 * Does not own: the listener (app).
 * Mounts: nothing.
 */
export type { CertificateOptions, Certificates } from './certificates.ts';
export { checkCertificateFiles } from './files.ts';
export { caFileIn } from './local.ts';
export { createCertificates } from './service.ts';
export { tlsOptions } from './options.ts';
export { NameRefusal } from './presenter.ts';
