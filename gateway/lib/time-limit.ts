/** A signal that comes when time is up. */
export type TimeLimit = {
  /** Also comes with the signal that was given; its reason tells which it was. */
  signal: AbortSignal;
  /** Calls it off, which nobody can with `AbortSignal.timeout`: that has a timer until time is up, whatever was answered. */
  end(): void;
};

/** `ms` undefined is no limit. The reason of its own is a `TimeoutError`, as that of `AbortSignal.timeout` (DOM, section 3.1). */
export function timeLimit(ms: number | undefined, signal?: AbortSignal): TimeLimit {
  const over = new AbortController();
  const tellOver = (): void => over.abort(new DOMException('It took too long.', 'TimeoutError'));
  const timer = ms === undefined ? undefined : setTimeout(tellOver, ms).unref();
  return {
    signal: signal ? AbortSignal.any([over.signal, signal]) : over.signal,
    end: () => clearTimeout(timer),
  };
}
