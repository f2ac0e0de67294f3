import type { ComponentHealth } from '../lib/index.ts';

/** First releases with the fixes of 2026-10-21 (CVE-2026-111497, -105483, -106069) per supported line. */
const fixedReleases: ReadonlyMap<number, readonly [number, number]> = new Map([
  [22, [23, 4]],
  [24, [22, 1]],
  [26, [12, 1]],
]);
const newestKnownMajor = 26;

/** Whether this Node is free of the vulnerabilities that are known to this version of Knot. */
export function nodeHealth(version: string = process.versions.node): ComponentHealth {
  const name = 'node';
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  const fixed = fixedReleases.get(major);
  if (fixed === undefined) {
    if (major > newestKnownMajor) return { name, status: 'ok', message: `Node ${version}.` };
    return {
      name,
      status: 'warning',
      message: `Node ${version} gets no security fixes any more.`,
      remedy: 'Run Knot on Node 26.12.1 or later.',
    };
  }
  const [fixedMinor, fixedPatch] = fixed;
  if (minor > fixedMinor || (minor === fixedMinor && patch >= fixedPatch)) {
    return { name, status: 'ok', message: `Node ${version}.` };
  }
  return {
    name,
    status: 'warning',
    message: `Node ${version} lacks the security fixes of October 2026.`,
    remedy: `Run Knot on Node ${major}.${fixedMinor}.${fixedPatch} or later; on Linux \`npm ci\` installs one.`,
  };
}
