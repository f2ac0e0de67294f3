import { beginEach, type Log } from '../lib/index.ts';
import type { Live, LiveStream } from './stream.ts';

/**
 * Makes the registry of open streams. Opening and closing cost O(1): each stream sits in one set per sign-in, host session,
 * person and host, and the sets are dropped when they empty.
 *
 * `onCut` hears every stream that was closed because its right ended (for the audit ledger); it is not called for streams
 * that end by themselves.
 */
export function createLive({ log, onCut }: { log: Log; onCut: (stream: LiveStream, reason: string) => void }): Live {
  const all = new Set<LiveStream>();
  const bySession = new Map<string, Set<LiveStream>>();
  const byUser = new Map<string, Set<LiveStream>>();
  const byHost = new Map<string, Set<LiveStream>>();

  function forget(stream: LiveStream): boolean {
    if (!all.delete(stream)) return false;
    removeFrom(bySession, stream.sessionId, stream);
    if (stream.hostSessionId !== undefined) removeFrom(bySession, stream.hostSessionId, stream);
    removeFrom(byUser, stream.userId, stream);
    removeFrom(byHost, stream.host, stream);
    return true;
  }

  function cut(stream: LiveStream, reason: string): boolean {
    if (!forget(stream)) return false;
    const { kind, sessionId, username, host } = stream;
    log.info({ kind, sessionId, username, host, reason }, 'stream closed: no longer allowed');
    try {
      stream.close(reason);
    } catch (error) {
      log.error({ err: error, kind, host }, 'closing a stream failed');
    }
    onCut(stream, reason);
    return true;
  }

  function cutEach(streams: Set<LiveStream> | undefined, reason: string): number {
    if (streams === undefined) return 0;
    let count = 0;
    for (const stream of [...streams]) if (cut(stream, reason)) count += 1;
    return count;
  }

  /** An error while re-judging closes the stream: what cannot be shown to be allowed is not allowed. */
  async function rejudgeOne(stream: LiveStream): Promise<boolean> {
    if (!all.has(stream)) return false;
    let isAllowed = false;
    try {
      isAllowed = await stream.isStillAllowed();
    } catch (error) {
      log.error({ err: error, kind: stream.kind, host: stream.host }, 're-judging a stream failed');
    }
    return !isAllowed && cut(stream, 'no longer allowed');
  }

  function streamsOf(which: { userId: string } | { hosts: readonly string[] } | undefined): LiveStream[] {
    if (which === undefined) return [...all];
    if ('userId' in which) return [...(byUser.get(which.userId) ?? [])];
    return which.hosts.flatMap((host) => [...(byHost.get(host) ?? [])]);
  }

  return {
    open(stream) {
      all.add(stream);
      addTo(bySession, stream.sessionId, stream);
      if (stream.hostSessionId !== undefined) addTo(bySession, stream.hostSessionId, stream);
      addTo(byUser, stream.userId, stream);
      addTo(byHost, stream.host, stream);
      return () => void forget(stream);
    },
    closeSession: (sessionId, reason) => cutEach(bySession.get(sessionId), reason),
    async rejudge(which) {
      const answers = await beginEach(streamsOf(which), rejudgeOne);
      return (await Promise.all(answers)).filter(Boolean).length;
    },
    isInUse: (sessionId) => bySession.has(sessionId),
    count: () => all.size,
  };
}

function addTo(index: Map<string, Set<LiveStream>>, key: string, stream: LiveStream): void {
  const streams = index.get(key);
  if (streams === undefined) index.set(key, new Set([stream]));
  else streams.add(stream);
}

function removeFrom(index: Map<string, Set<LiveStream>>, key: string, stream: LiveStream): void {
  const streams = index.get(key);
  if (streams?.delete(stream) && streams.size === 0) index.delete(key);
}
