import type { ComponentHealth } from '../lib/index.ts';

/** How the places of people and teams are, for administrators. */
export function healthOf(state: {
  awaySince: number | undefined;
  failing: readonly string[];
  now: number;
}): ComponentHealth[] {
  const name = 'places';
  const { awaySince, failing, now } = state;
  if (awaySince !== undefined) {
    const seconds = Math.round((now - awaySince) / 1000);
    return [
      {
        ...{ name, status: 'failed' },
        message: `The cluster has not answered as it should for ${seconds} s: what runs there goes on, and nothing new is made.`,
        remedy: 'See that its API server runs and that kubernetes.kubeconfig leads to it. Knot goes on by itself.',
      },
    ];
  }
  if (failing.length > 0) {
    return [
      {
        ...{ name, status: 'warning', isPersonal: true },
        message: `Something is in the way of ${failing.length === 1 ? 'the place' : 'the places'} of ${failing.slice(0, 5).join(', ')}${failing.length > 5 ? ` and ${failing.length - 5} more` : ''}.`,
        remedy: 'Admin, Places says what, for each of them; so does `knot provision status`.',
      },
    ];
  }
  return [{ name, status: 'ok', message: 'Everybody has their place in the cluster.' }];
}
