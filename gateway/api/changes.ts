import type { ApiContext } from './context.ts';
import type { Topic } from './contract.ts';

/** What changed, and whom it is about when it is about one person. */
export type ChangeNotice = { topics: readonly Topic[]; userId?: string };

/** Longer than a page takes from its first question to its open stream, also on a slow line. */
const recentMs = 30_000;

export type Changes = {
  /**
   * Hears what changed in the last half minute, then every change; returns the way to stop. A page reads first and listens then:
   * what changed in between would never be shown.
   */
  listen(listener: (notice: ChangeNotice) => void): () => void;
  close(): void;
};

/** Gathers what other modules tell about changes, in the words of the dashboard. */
export function createChanges(context: ApiContext): Changes {
  const { accounts, sessions, policy, routes, integrations, onAppChange, onChange, clock, log } = context;
  const listeners = new Set<(notice: ChangeNotice) => void>();
  /** The latest notice of each kind, oldest first. */
  const recent = new Map<string, { notice: ChangeNotice; at: number }>();
  const forgetOld = (): void => {
    const oldest = clock.now() - recentMs;
    for (const [key, { at }] of recent) {
      if (at >= oldest) return;
      recent.delete(key);
    }
  };
  const tell = (topics: readonly Topic[], userId?: string): void => {
    const notice = userId === undefined ? { topics } : { topics, userId };
    const key = `${topics.join()} ${userId ?? ''}`;
    forgetOld();
    recent.delete(key);
    recent.set(key, { notice, at: clock.now() });
    for (const listener of listeners) {
      try {
        listener(notice);
      } catch (error) {
        log.error({ err: error }, 'a listener of the event stream failed');
      }
    }
  };
  const stops = [
    accounts.onChange((userId) => tell(['users', 'tiles'], userId)),
    sessions.onEnded(() => tell(['sessions'])),
    policy.onReload(() => tell(['policies', 'health', 'tiles'])),
    routes.onChange(() => tell(['tiles'])),
    ...integrations().map((tool) => tool.onChange(() => tell(['tiles', 'health']))),
    ...(onAppChange ? [onAppChange(() => tell(['tiles', 'health']))] : []),
    ...(onChange
      ? [
          onChange('audit', () => tell(['audit'])),
          onChange('teams', () => tell(['users'])),
          onChange('links', () => tell(['users'])),
          onChange('clients', () => tell(['clients'])),
        ]
      : []),
  ];
  return {
    listen(listener) {
      forgetOld();
      for (const { notice } of recent.values()) listener(notice);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      for (const stop of stops) stop();
      listeners.clear();
    },
  };
}
