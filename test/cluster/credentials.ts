import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority, newKeyPair, type Subject } from './certificates.ts';

/** Who a request is from: `knot` in the groups `system:masters`, or whoever a test needs. */
export type User = { name: string; groups?: readonly string[] };

/** Files of a cluster's folder, which only their owner may read. Text is written as it is, all else as JSON (which YAML takes). */
export function writerOf(folder: string) {
  return async (name: string, content: string | object): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
    return file;
  };
}

export type Credentials = Awaited<ReturnType<typeof makeCredentials>>;

/**
 * Makes and writes everything by which the parts of a cluster and its users know each other: an authority with the certificates of
 * the servers, keys of service accounts, tokens of users (`admin` is one), a kubeconfig for each part.
 * `names`: what the API server is called, beside what it always is.
 */
export async function makeCredentials(
  folder: string,
  { server, users, names }: { server: string; users: readonly User[]; names: readonly string[] },
) {
  const write = writerOf(folder);
  const authority = await makeAuthority();
  const caFile = await write('ca.crt', authority.cert);
  await write('ca.key', authority.key);
  async function issueTo(file: string, subject: Subject): Promise<void> {
    const { cert, key } = await authority.issue(subject);
    await write(`${file}.crt`, cert);
    await write(`${file}.key`, key);
  }
  const inCluster = ['', '.default', '.default.svc', '.default.svc.cluster.local'].map((end) => `kubernetes${end}`);
  await issueTo('apiserver', {
    commonName: 'kube-apiserver',
    names: ['127.0.0.1', '10.96.0.1', 'localhost', ...inCluster, ...names],
  });
  await issueTo('kubelet-client', { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] });
  await issueTo('kubelet', { commonName: 'kwok', names: ['127.0.0.1'] });
  const serviceAccounts = newKeyPair();
  await write('service-accounts.key', serviceAccounts.key);
  await write('service-accounts.pub', serviceAccounts.publicKey);

  const everybody: User[] = [
    { name: 'admin', groups: ['system:masters'] },
    { name: 'system:kwok', groups: ['system:masters'] },
    { name: 'system:kube-controller-manager' },
    { name: 'system:kube-scheduler' },
    ...users,
  ];
  const tokens = new Map(everybody.map(({ name }) => [name, randomBytes(16).toString('hex')]));
  function tokenOf(user: string): string {
    const token = tokens.get(user);
    if (token === undefined) throw new Error(`the cluster was started without a user ${user}`);
    return token;
  }
  const lines = everybody.map(({ name, groups = [] }) => `${tokenOf(name)},${name},${name},"${groups.join(',')}"`);
  await write('tokens.csv', `${lines.join('\n')}\n`);

  const kubeconfigWith = (name: string, user: object): Promise<string> =>
    write(`${name}.kubeconfig`, {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
      users: [{ name: 'test', user }],
    });
  const byToken = (name: string, user: string) => kubeconfigWith(name, { token: tokenOf(user) });
  await byToken('controller-manager', 'system:kube-controller-manager');
  await byToken('scheduler', 'system:kube-scheduler');
  await byToken('kwok', 'system:kwok');
  let certificates = 0;
  return {
    authority,
    caFile,
    /** Of the admin. */
    kubeconfig: await byToken('admin', 'admin'),
    tokenOf,
    async kubeconfigOf({ name, groups = [] }: User): Promise<string> {
      const { cert, key } = await authority.issue({ commonName: name, organizations: groups });
      return kubeconfigWith(`user-${++certificates}`, {
        'client-certificate-data': Buffer.from(cert).toString('base64'),
        'client-key-data': Buffer.from(key).toString('base64'),
      });
    },
  };
}
