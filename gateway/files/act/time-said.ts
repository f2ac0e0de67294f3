import { knotError } from '../../lib/index.ts';

/** The end of the year 9999, beyond which nothing shows a time. */
const lastSecond = 253_402_300_799;

/**
 * When a client says that the content was changed last: seconds since 1970 with or without a fraction, as clients of ownCloud and Nextcloud
 * send it (`X-OC-Mtime` of a PUT, `mtime` in the metadata of an upload); in milliseconds. @throws KNOT_FILES_TIME
 */
export function timeIn(said: string | null | undefined): number | undefined {
  if (said === undefined || said === null) return undefined;
  const seconds = /^\d{1,12}(\.\d{1,9})?$/.test(said) ? Number(said) : Infinity;
  if (seconds <= lastSecond) return Math.round(seconds * 1000);
  throw knotError('KNOT_FILES_TIME', 400, 'The time of the file cannot be read.', {
    remedy: 'Send seconds since 1970, for example 1700000000 or 1700000000.5, or none.',
  });
}
