const requestIdPrefix = Math.floor(Date.now() / 1000).toString(36);
let requestCount = 0;

/** Unique within the process and readable in a log; says nothing about anyone. */
export function nextRequestId(): string {
  requestCount += 1;
  return `${requestIdPrefix}-${requestCount.toString(36)}`;
}
