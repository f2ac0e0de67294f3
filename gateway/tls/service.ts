import type { CertificateOptions, Certificates } from './certificates.ts';
import { openFileCertificates } from './files.ts';
import { openLocalCertificates } from './local.ts';

/**
 * The certificates of the edge: files of the operator, or leaves of our own local CA.
 * @throws KNOT_TLS_* naming file, problem and cure, when the files cannot be used or the data folder cannot be written.
 */
export async function createCertificates(options: CertificateOptions): Promise<Certificates> {
  return options.config.cert === undefined && options.config.key === undefined
    ? openLocalCertificates(options)
    : openFileCertificates(options);
}
