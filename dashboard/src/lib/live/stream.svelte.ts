/** The event stream: tells what is shown that something changed, and the person when the connection is gone. */
import { refreshAll } from '$app/navigation';
import { platformApi } from '#lib/api/platform.ts';
import { apiRoot } from '#lib/api/request.ts';
import type { Change, Changed } from '#lib/contract.ts';
import { anythingHeard, refresh, refreshSoon } from '#lib/live/changes.ts';
import { forgetTitles, takeTitles } from '#lib/tiles/titles.svelte.ts';

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
      refreshSoon(takeTitles(changesIn(event.data as string)));
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
      if (isInterrupted) readEverything();
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

/** After a pause nobody can say what changed in it. */
function readEverything(): void {
  forgetTitles();
  void refresh(...anythingHeard());
  void refreshAll();
}

function changesIn(data: string): Change[] {
  try {
    return (JSON.parse(data) as Partial<Changed>).changes ?? [];
  } catch {
    return [];
  }
}
