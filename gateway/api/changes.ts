import type { ApiContext } from './context.ts';
import type { Topic } from './contract.ts';

/** What changed, and whom it is about when it is about one person. */
export type ChangeNotice = { topics: readonly Topic[]; userId?: string };

export type Changes = {
  /** Hears every change from now on; returns the way to stop. */
  listen(listener: (notice: ChangeNotice) => void): () => void;
  close(): void;
};

/** Gathers what other modules tell about changes, in the words of the dashboard. */
export function createChanges(context: ApiContext): Changes {
  const { accounts, sessions, policy, routes, integrations, onAppChange, onChange, log } = context;
  const listeners = new Set<(notice: ChangeNotice) => void>();
  const tell = (topics: readonly Topic[], userId?: string): void => {
    for (const listener of listeners) {
      try {
        listener(userId === undefined ? { topics } : { topics, userId });
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
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      for (const stop of stops) stop();
      listeners.clear();
    },
  };
}
