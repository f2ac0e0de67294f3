import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock, Log } from '../lib/index.ts';

export type SpanQueue = {
  /** Spans that wait or are on their way, at most. */
  mostWaiting: number;
  /** Takes the place of one span in the queue, or counts it as dropped. */
  admit(): boolean;
  droppedCount(): number;
  /** The exporter, which frees the places of the spans it is done with. */
  exporter: SpanExporter;
};

/** About four MiB of spans. */
const mostWaiting = 2048;
const warnMs = 60_000;
const longestReason = 200;

/**
 * Bounds what waits for the collector and counts what never gets there, so that a collector that is down or slow costs memory
 * and requests nothing. Says so in the log at most once a minute, without the collector's own words about what it was sent.
 */
export function createSpanQueue(options: {
  exporter: SpanExporter;
  /** After that long a batch is given up, whatever the collector does. */
  exportMs: number;
  clock: Clock;
  log: Log;
}): SpanQueue {
  const { exporter, exportMs, clock, log } = options;
  let waiting = 0;
  let dropped = 0;
  let mayWarnAt = 0;

  function drop(count: number, reason: string): void {
    dropped += count;
    if (clock.now() < mayWarnAt) return;
    mayWarnAt = clock.now() + warnMs;
    log.warn({ dropped, reason: reason.slice(0, longestReason) }, 'spans do not get to the collector and are dropped');
  }

  return {
    mostWaiting,
    admit() {
      if (waiting >= mostWaiting) {
        drop(1, 'the queue is full');
        return false;
      }
      waiting += 1;
      return true;
    },
    droppedCount: () => dropped,
    exporter: {
      export(spans, done) {
        let isDone = false;
        const settle = (result: ExportResult): void => {
          if (isDone) return;
          isDone = true;
          clearTimeout(timer);
          waiting -= spans.length;
          if (result.code !== ExportResultCode.SUCCESS) drop(spans.length, reasonOf(result.error));
          done(result);
        };
        const late = new Error(`no answer within ${exportMs} ms`);
        const timer = setTimeout(() => settle({ code: ExportResultCode.FAILED, error: late }), exportMs);
        timer.unref();
        exporter.export(spans, settle);
      },
      shutdown: () => exporter.shutdown(),
    },
  };
}

/** A name with several addresses, none of which answers, fails with a code and no message. */
function reasonOf(error: NodeJS.ErrnoException | undefined): string {
  return error?.message || error?.code || 'no reason given';
}
