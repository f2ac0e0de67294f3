import type { AccessEntry } from '../lib/index.ts';

export type RequestMetrics = {
  /** Counts one finished request; called on the hot path. */
  count(route: string, entry: Pick<AccessEntry, 'status' | 'verdict' | 'protocol' | 'totalMs'>): void;
  /** In the text format of Prometheus, version 0.0.4. */
  text(): string;
};

const statusClasses = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const verdicts = ['none', 'allow', 'deny'] as const;
const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60] as const;
const buckets = [...bucketSeconds, '+Inf'] as const;

/** All numbers of one route beside one another: requests by class and verdict, then times by bucket, then their sum. */
const firstBucket = statusClasses.length * verdicts.length;
const sumAt = firstBucket + buckets.length;

/**
 * Requests and their times by route. A counter of prom-client makes and looks up a string of all its labels for every count,
 * a histogram one more for the bucket; here a count is one look-up of the route. The names of routes come from the caller,
 * who bounds their number and what stands in them.
 */
export function createRequestMetrics(): RequestMetrics {
  const byRoute = new Map<string, Float64Array>();

  function numbersOf(route: string): Float64Array {
    let numbers = byRoute.get(route);
    if (numbers === undefined) byRoute.set(route, (numbers = new Float64Array(sumAt + 1)));
    return numbers;
  }

  return {
    count(route, { status, verdict, protocol, totalMs }) {
      const numbers = numbersOf(route);
      const statusClass = status >= 100 && status < 600 ? Math.floor(status / 100) : 0;
      const verdictAt = verdict === 'allow' ? 1 : verdict === 'deny' ? 2 : 0;
      numbers[statusClass * verdicts.length + verdictAt]! += 1;
      // The time of a WebSocket is that of a person's visit, not of an answer.
      if (protocol === 'ws') return;
      const seconds = totalMs / 1000;
      numbers[firstBucket + bucketOf(seconds)]! += 1;
      numbers[sumAt]! += seconds;
    },
    text: () => `${requestsText(byRoute)}\n${durationsText(byRoute)}`,
  };
}

function bucketOf(seconds: number): number {
  let at = 0;
  while (at < bucketSeconds.length && seconds > bucketSeconds[at]!) at += 1;
  return at;
}

function requestsText(byRoute: ReadonlyMap<string, Float64Array>): string {
  const name = 'knot_requests_total';
  const lines = [`# HELP ${name} Finished requests.`, `# TYPE ${name} counter`];
  for (const [route, numbers] of byRoute) {
    for (const [classAt, statusClass] of statusClasses.entries()) {
      for (const [verdictAt, verdict] of verdicts.entries()) {
        const count = numbers[classAt * verdicts.length + verdictAt]!;
        if (count === 0) continue;
        lines.push(`${name}{route="${route}",status_class="${statusClass}",verdict="${verdict}"} ${count}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

function durationsText(byRoute: ReadonlyMap<string, Float64Array>): string {
  const name = 'knot_request_duration_seconds';
  const help = 'Time from the first byte of a request to the last byte of its answer.';
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const [route, numbers] of byRoute) {
    const counts = numbers.subarray(firstBucket, sumAt);
    if (counts.every((count) => count === 0)) continue;
    let total = 0;
    for (const [at, bucket] of buckets.entries()) {
      total += counts[at]!;
      lines.push(`${name}_bucket{le="${bucket}",route="${route}"} ${total}`);
    }
    lines.push(`${name}_sum{route="${route}"} ${numbers[sumAt]!}`, `${name}_count{route="${route}"} ${total}`);
  }
  return `${lines.join('\n')}\n`;
}
