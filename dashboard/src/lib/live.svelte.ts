/** The event stream: tells the pages what changed, and the person when the connection is gone. */
import { invalidate, refreshAll } from '$app/navigation';
import { apiRoot } from '#lib/api/request.ts';
import { platformApi } from '#lib/api/platform.ts';
import type { Changed, Topic } from '#lib/contract.ts';

/** What a `load` names in `depends` to run again when the topic changes. */
export const topicKey = (topic: Topic): `knot:${Topic}` => `knot:${topic}`;

/** When the connection was lost (milliseconds), or undefined while it stands. A pause shorter than a breath is not shown. */
export const connection = $state<{ lostAt: number | undefined }>({ lostAt: undefined });

const graceMilliseconds = 2000;

/** Follows the stream until the returned function is called. */
export function followChanges(): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isInterrupted = false;
  let isStopped = false;

  function connect(): void {
    // The answer that leads here may come after the stop.
    if (isStopped) return;
    source = new EventSource(`${apiRoot}/events`);
    source.addEventListener('changed', (event) => {
      for (const topic of topicsIn(event.data as string)) void invalidate(topicKey(topic));
    });
    // The session may be over: asked at once, so that the sign-in page can say why, instead of a wait for a line that is not broken.
    source.addEventListener('ended', () => {
      source?.close();
      if (!isStopped) void platformApi.me().then(connect, retryLater);
    });
    source.onopen = () => {
      clearTimeout(timer);
      failures = 0;
      connection.lostAt = undefined;
      if (isInterrupted) void refreshAll();
      isInterrupted = false;
    };
    source.onerror = () => {
      const since = Date.now();
      if (!isInterrupted) timer = setTimeout(() => (connection.lostAt = since), graceMilliseconds);
      isInterrupted = true;
      if (source?.readyState === EventSource.CLOSED) retryLater();
    };
  }

  /** A refusal (not a broken line) ends an EventSource for good: ask who we are, which leads to sign-in after a 401. */
  function retryLater(): void {
    if (isStopped) return;
    const delay = Math.min(30_000, 1000 * 2 ** failures++);
    setTimeout(() => !isStopped && void platformApi.me().then(connect, retryLater), delay);
  }

  connect();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    source?.close();
  };
}

function topicsIn(data: string): Set<Topic> {
  try {
    return new Set((JSON.parse(data) as Partial<Changed>).changes?.map(({ topic }) => topic));
  } catch {
    return new Set();
  }
}
