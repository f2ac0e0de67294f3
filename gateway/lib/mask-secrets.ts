/** Shortest run that can be one of ours: 256 bits in base64url (`newSecret`). */
const secretLength = 43;
const run = /[A-Za-z0-9_-]{43,}/g;
const hexadecimal = /^[0-9a-f]+$/i;

/**
 * A path as logs, traces and metrics may hold it: without what looks like a one-time token, code or session of ours, wherever it
 * stands. People mistype addresses (`/reset/TOKEN/`, `/Reset/TOKEN`, another host), and a token that was never used opens the
 * account for whoever reads the log. Digests (git, images) are hexadecimal and stay.
 */
export function maskSecrets(path: string): string {
  if (path.length <= secretLength) return path;
  return path.replace(run, (text) => (hexadecimal.test(text) ? text : '***'));
}
