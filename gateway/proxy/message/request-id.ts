import { randomBytes } from 'node:crypto';

/** Gateways that were started in the same second are told apart. */
const requestIdPrefix = randomBytes(5).readUIntBE(0, 5).toString(36);
let requestCount = 0;

/** Unique among the gateways of an installation and readable in a log; says nothing about anyone. */
export function nextRequestId(): string {
  requestCount += 1;
  return `${requestIdPrefix}-${requestCount.toString(36)}`;
}
