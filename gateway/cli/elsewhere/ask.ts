import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { rootCertificates } from 'node:tls';
import { type KnotError, knotError } from '../../lib/index.ts';

/** A Knot elsewhere. `ca`: PEM of the authority of its certificate, where the system does not know it. */
export type Origin = { origin: string; ca?: string | undefined };

export type Asking = {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
};

export const userAgent = `knot-cli ${process.platform}`;
/** Nothing moved on the line for so long. */
const silenceMs = 60_000;
/** Requests at once; the others wait. */
export const mostAtOnce = 6;

/** Keeps lines to one Knot open for as long as a command runs. */
export function openLine({ ca }: Origin): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: mostAtOnce,
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
  });
}

/**
 * One request; resolves with the head of the answer, whatever its status. No redirect is followed: credentials go where they were
 * meant for.
 * @throws KNOT_CLI_UNREACHABLE, KNOT_CLI_CERTIFICATE
 */
export function ask(origin: Origin, line: Agent, path: string, { method = 'GET', headers = {}, body }: Asking) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const failed = (cause: Error & { code?: string }) => reject(unreachable(origin.origin, cause));
    const length = typeof body === 'string' || Buffer.isBuffer(body) ? String(Buffer.byteLength(body)) : undefined;
    const asking = request(
      `${origin.origin}${path}`,
      {
        method,
        agent: line,
        timeout: silenceMs,
        headers: {
          accept: 'application/json',
          'user-agent': userAgent,
          ...(length !== undefined && { 'content-length': length }),
          ...headers,
        },
      },
      (answer) => {
        // Cut within: whoever reads it hears so; nobody else may.
        answer.on('error', () => undefined);
        resolve(answer);
      },
    );
    asking.once('timeout', () => asking.destroy(new Error(`nothing came for ${silenceMs / 1000} s`)));
    asking.on('error', failed);
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) asking.end(body);
    else pipeline(body, asking).catch(failed);
  });
}

/** An answer as JSON; `{}` for what is none. */
export async function jsonOf(answer: IncomingMessage): Promise<Record<string, unknown>> {
  const answered = await text(answer);
  try {
    const parsed: unknown = answered === '' ? {} : JSON.parse(answered);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

export function unreachable(origin: string, cause: Error & { code?: string }): KnotError {
  if (cause.code !== undefined && untrusted.has(cause.code)) {
    return knotError('KNOT_CLI_CERTIFICATE', 502, `The certificate of ${origin} is not trusted on this machine.`, {
      cause,
      remedy: 'Get its authority from whoever runs it (also at /ca.pem there, to compare), and name it with --ca FILE.',
    });
  }
  return knotError('KNOT_CLI_UNREACHABLE', 502, `${origin} cannot be reached: ${cause.message}.`, { cause });
}
