/**
 * tls: the certificate the edge shows.
 * Owns: the local CA and its leaf, or watched certificate files; which server names are answered; hot swap.
 * Does not own: the listener (app).
 * Mounts: nothing.
 */
import type { SecureContext } from 'node:tls';
import type { ComponentHealth } from '../lib/index.ts';

export type Certificates = {
  /** For `tls.createServer`: never throws, answers only DOMAIN and one label below it. */
  sniCallback(serverName: string, callback: (error: Error | null, context?: SecureContext) => void): void;
  /** Key and certificate chain in force, PEM. */
  current(): { cert: string; key: string };
  /** The local CA (PEM), or undefined with certificate files of one's own. */
  caPem(): string | undefined;
  /** File of the local CA certificate, to be shown at start. */
  caFile(): string | undefined;
  /** After each swap: the server should call `setSecureContext`. */
  onChange(listener: () => void): () => void;
  health(): ComponentHealth;
  close(): Promise<void>;
};
