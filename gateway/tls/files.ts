import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { type ComponentHealth, dayMs, every, knotError } from '../lib/index.ts';
import type { Pair } from './issue.ts';
import { type CheckedPair, checkPair, dayOf, type PairSource } from './pair.ts';
import { createPresenter } from './presenter.ts';
import { isWildcardAccepted } from './server-names.ts';
import type { CertificateOptions, Certificates } from './certificates.ts';

const settleMs = 250;
/** Network file systems send no events; reading two small files now and then does not cost anything. */
const defaultCheckMs = 30_000;
const warnBeforeMs = 14 * dayMs;

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw knotError('KNOT_TLS_FILE_UNREADABLE', 500, `The file ${file} cannot be read.`, {
      cause: error,
      remedy:
        'Check tls.cert and tls.key in the configuration, and that the account that runs Knot may read the files.',
    });
  }
}

function sourceOf({ cert, key }: CertificateOptions['config']): PairSource {
  if (cert !== undefined && key !== undefined) return { certFile: cert, keyFile: key };
  const [given, missing] = cert === undefined ? ['tls.key', 'tls.cert'] : ['tls.cert', 'tls.key'];
  throw knotError('KNOT_TLS_INCOMPLETE', 500, `${given} is set, but ${missing} is not.`, {
    remedy: 'Set both, or neither to let Knot make its own local CA.',
  });
}

const readPair = ({ certFile, keyFile }: PairSource): Pair => ({ cert: read(certFile), key: read(keyFile) });

const fingerprint = ({ cert, key }: Pair) => createHash('sha256').update(cert).update('\0').update(key).digest('hex');

/**
 * Looks at the operator's files, when there are any, as a start would.
 * @throws KNOT_TLS_*, as `openFileCertificates`
 */
export function checkCertificateFiles(
  { config, ...names }: Pick<CertificateOptions, 'config' | 'domain' | 'appsDomain'>,
  nowMs: number,
): void {
  if (config.cert === undefined && config.key === undefined) return;
  const source = sourceOf(config);
  checkPair(readPair(source), names, nowMs, source);
}

/** The operator's own files: checked at start, watched from then on; a bad pair never replaces a good one. */
export async function openFileCertificates(options: CertificateOptions): Promise<Certificates> {
  const { domain, appsDomain, clock, log, checkEveryMs = defaultCheckMs } = options;
  const source = sourceOf(options.config);
  const names = { domain, appsDomain };

  let current: CheckedPair = checkPair(readPair(source), names, clock.now(), source);
  let lastSeen = fingerprint(current);
  let refusal: { message: string; remedy?: string } | undefined;
  const presenter = createPresenter({ pair: current, names, log });

  function refuse(error: unknown): void {
    const { message, remedy } = error as { message: string; remedy?: string };
    if (refusal?.message === message) return;
    refusal = { message, ...(remedy === undefined ? {} : { remedy }) };
    log.warn({ err: error }, 'the changed certificate was refused; the old one stays in force');
  }

  function look(): void {
    try {
      const pair = readPair(source);
      const seen = fingerprint(pair);
      if (seen === lastSeen && refusal === undefined) return;
      const checked = checkPair(pair, names, clock.now(), source);
      lastSeen = seen;
      refusal = undefined;
      if (seen === fingerprint(current)) return;
      current = checked;
      presenter.swap(current);
      log.info({ file: source.certFile, validTo: current.leaf.validTo }, 'a new certificate is in force');
    } catch (error) {
      refuse(error);
    }
  }

  // Secrets mounted by Kubernetes change by a swapped symlink beside the files, so the folders are watched, not the files.
  let settle: NodeJS.Timeout | undefined;
  const folders = [...new Set([dirname(source.certFile), dirname(source.keyFile)])];
  const watcher: FSWatcher = watch(folders, { ignoreInitial: true, depth: 0 });
  watcher.on('all', () => {
    clearTimeout(settle);
    settle = setTimeout(look, settleMs);
  });
  watcher.on('error', (error) => log.warn({ err: error }, 'watching the certificate files failed'));
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  const backstop = every(checkEveryMs, look, { log, complaint: 'looking at the certificate files failed' });

  return {
    sniCallback: presenter.sniCallback,
    onChange: presenter.onChange,
    current: () => ({ cert: current.cert, key: current.key }),
    caPem: () => undefined,
    caFile: () => undefined,
    health(): ComponentHealth {
      const name = 'certificate';
      const until = dayOf(current.leaf.validToDate);
      const renew = `Renew ${source.certFile}; it is watched.`;
      if (clock.now() >= current.expiresAt) {
        return { name, status: 'failed', message: `The certificate expired on ${until}.`, remedy: renew };
      }
      if (refusal) {
        return {
          name,
          status: 'warning',
          message: `The changed certificate was refused, the old one stays in force: ${refusal.message}`,
          ...(refusal.remedy === undefined ? {} : { remedy: refusal.remedy }),
        };
      }
      if (clock.now() >= current.expiresAt - warnBeforeMs) {
        return { name, status: 'warning', message: `The certificate ends on ${until}.`, remedy: renew };
      }
      const bare = [domain, appsDomain].find((known) => known !== undefined && !isWildcardAccepted(known));
      if (bare !== undefined) {
        return {
          name,
          status: 'warning',
          message: `Clients refuse a wildcard below ${bare}: the certificate must list each name below it.`,
          remedy: 'Leave tls.cert out to use the local CA, or use a name of two labels or more.',
        };
      }
      return { name, status: 'ok', message: `The certificate is valid until ${until}.` };
    },
    async close() {
      clearTimeout(settle);
      await backstop.stop();
      await watcher.close();
    },
  };
}
