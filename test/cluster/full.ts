import type { ControlPlane } from './control-plane.ts';

/**
 * Raises and takes back the alarm that etcd raises by itself when its file is larger than `--quota-backend-bytes` (NOSPACE): from then on it
 * takes no write but removals, as on a full disk. By its JSON gateway (etcd, "gRPC gateway"), because filling it takes minutes.
 */
export function databaseOf({ etcdUrl }: Pick<ControlPlane, 'etcdUrl'>): {
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
} {
  async function ask<T>(path: string, body: object): Promise<T> {
    const answer = await fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }
  async function alarm(action: 'ACTIVATE' | 'DEACTIVATE'): Promise<void> {
    const { members } = await ask<{ members: { ID: string }[] }>('/v3/cluster/member/list', {});
    await ask('/v3/maintenance/alarm', { action, memberID: members[0]!.ID, alarm: 'NOSPACE' });
  }
  return { fill: () => alarm('ACTIVATE'), makeRoom: () => alarm('DEACTIVATE') };
}
