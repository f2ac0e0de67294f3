/** One attempt to bring a file to the gateway by the tus protocol; whether and when there is another one is decided by the queue. */
import { DetailedError, Upload as TusUpload } from 'tus-js-client';
import { apiRoot } from '#lib/api/request.ts';
import { pathOf, type Upload } from './model.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

export type Sending = { outcome: Promise<Outcome>; stop(): void };

/** Small files go along with the question that begins them. */
const smallBytes = 1 << 20;
/** A line on which nothing has gone forward for so long is taken for a broken one. */
const stalledMilliseconds = 60_000;
/** The end of the year 9999, the last time that the gateway takes. */
const lastTime = 253_402_300_799_000;

/** Where the gateway keeps the upload of a key (decision 0043). */
export async function addressOfUpload(userId: string, key: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${userId}/${key}`));
  const digits = [...new Uint8Array(hash.slice(0, 16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${location.origin}${apiRoot}/uploads/${digits}`;
}

/** Sends what the gateway does not have yet. `told` hears how many bytes are there, or under way. */
export function sendFile(
  upload: Upload,
  { file, address, told }: { file: File; address: string; told: (bytes: number) => void },
): Sending {
  let stop = (): void => undefined;
  const outcome = new Promise<Outcome>((resolve) => {
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const settle = (result: Outcome): void => {
      clearTimeout(stalled);
      resolve(result);
    };
    const watch = (sent: number): void => {
      clearTimeout(stalled);
      // When all is sent, the gateway reads it once more: that takes as long as it takes.
      if (sent < file.size) stalled = setTimeout(stop, stalledMilliseconds);
    };
    const sending = new TusUpload(file, {
      ...(upload.hasBegun ? { uploadUrl: address } : { endpoint: `${location.origin}${apiRoot}/uploads` }),
      metadata: metadataOf(upload),
      uploadSize: file.size,
      uploadDataDuringCreation: file.size <= smallBytes,
      retryDelays: null,
      storeFingerprintForResuming: false,
      onProgress(bytes) {
        watch(bytes);
        told(bytes);
      },
      onSuccess: () => settle({ kind: 'done' }),
      onError: (error) => void outcomeOfError(error, file).then(settle),
    });
    stop = () => {
      void sending.abort();
      settle({ kind: 'later', why: 'line' });
    };
    watch(0);
    sending.start();
  });
  return { outcome, stop: () => stop() };
}

function metadataOf(upload: Upload): Record<string, string> {
  const { key, target, modifiedAt, sha256, ifMatch, decision } = upload;
  return {
    key,
    area: target.place.area,
    path: pathOf(upload),
    mtime: secondsOf(modifiedAt),
    ...(sha256 !== undefined && { sha256 }),
    ...(ifMatch !== undefined && { ifMatch }),
    ...(decision === 'beside' && { ifTaken: 'beside' }),
  };
}

/** Seconds since 1970, as the gateway takes them, with the nearest one for what cannot be said so. */
const secondsOf = (modifiedAt: number): string => (Math.min(Math.max(0, modifiedAt), lastTime) / 1000).toFixed(3);

async function outcomeOfError(error: Error | DetailedError, file: File): Promise<Outcome> {
  const { originalRequest, originalResponse } = error as DetailedError;
  const status = originalResponse?.getStatus() ?? 0;
  // The browser does not say why a request failed: a file that has changed or gone cannot be read any more (File API, section 4).
  if (status === 0 && !(await isReadable(file))) return { kind: 'unreadable' };
  return outcomeOf(originalRequest?.getMethod() ?? '', status, originalResponse?.getBody() ?? '');
}

const isReadable = (file: File): Promise<boolean> =>
  file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );

/** Gives an upload up, so that its room is free at once. Nobody needs the answer: what is left expires within a day. */
export async function giveUp(address: string): Promise<void> {
  await TusUpload.terminate(address, { retryDelays: [1000, 5000] }).catch(() => undefined);
}
