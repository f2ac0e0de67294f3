import type { SecureContextOptions } from 'node:tls';

/**
 * What every secure context of the edge has in common: TLS 1.2 and 1.3 with forward secrecy and AEAD only, which is also
 * what HTTP/2 demands (RFC 9113 section 9.2.2 and appendix A). ALPN is the server's business.
 */
export function tlsOptions(): Pick<SecureContextOptions, 'minVersion' | 'ciphers' | 'honorCipherOrder'> {
  return {
    minVersion: 'TLSv1.2',
    ciphers: [
      'TLS_AES_128_GCM_SHA256',
      'TLS_AES_256_GCM_SHA384',
      'TLS_CHACHA20_POLY1305_SHA256',
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
    ].join(':'),
    honorCipherOrder: false,
  };
}
