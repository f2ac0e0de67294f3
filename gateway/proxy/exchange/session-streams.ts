/** How many streams each sign-in has open, all its hosts and connections together. */
export type SessionStreams = {
  /** Whether one more may be opened. */
  hasRoom(centralId: string): boolean;
  /** Counts one; call the result when it ended. */
  open(centralId: string): () => void;
};

export function createSessionStreams({ streamsPerSession }: { streamsPerSession: number }): SessionStreams {
  const counts = new Map<string, number>();
  return {
    hasRoom: (centralId) => (counts.get(centralId) ?? 0) < streamsPerSession,
    open(centralId) {
      counts.set(centralId, (counts.get(centralId) ?? 0) + 1);
      return () => {
        const left = (counts.get(centralId) ?? 1) - 1;
        if (left === 0) counts.delete(centralId);
        else counts.set(centralId, left);
      };
    },
  };
}
