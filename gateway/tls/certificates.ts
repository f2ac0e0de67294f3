import type { SecureContext } from 'node:tls';
import type { Clock, ComponentHealth, Log } from '../lib/index.ts';

export type Certificates = {
  /** For `tls.createServer`: never throws, answers only DOMAIN, APPSDOMAIN and one label below them. */
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

export type CertificateOptions = {
  /** PEM files of one's own, absolute; both or none. None: a local CA in the data folder. */
  config: { cert?: string | undefined; key?: string | undefined };
  domain: string;
  /** Where people's services are reached, when that is not below DOMAIN. */
  appsDomain?: string | undefined;
  dataFolder: string;
  clock: Clock;
  log: Log;
  /**
   * Whether a name one label below DOMAIN or APPSDOMAIN leads anywhere. Asked only where a wildcard cannot work (a single label
   * such as `localhost`), before a leaf is made for the name; without it no such leaf is ever made.
   */
  isKnownHost: (host: string) => boolean;
  /** How often renewal is due (local CA: hourly) or the files are read without an event (30 s); tests hurry it. */
  checkEveryMs?: number;
};
