/**
 * The arguments of each program of a control plane. Files are those of its folder (`control-plane.ts` writes them), everything listens
 * on `address` only, and nobody elects a leader among one.
 */
export type Setting = {
  /** The path of a file in the folder. */
  file(name: string): string;
  /** Where the API server listens; 127.0.0.1 unless nodes have a network of their own. */
  address: string;
  ports: { etcd: number; peer: number; apiserver: number; kubelet: number };
};

export const etcdUrl = ({ ports }: Setting) => `http://127.0.0.1:${ports.etcd}`;

export function etcdFlags(setting: Setting): string[] {
  const peerUrl = `http://127.0.0.1:${setting.ports.peer}`;
  return [
    `--data-dir=${setting.file('etcd')}`,
    `--listen-client-urls=${etcdUrl(setting)}`,
    `--advertise-client-urls=${etcdUrl(setting)}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
}

export function apiserverFlags(setting: Setting): string[] {
  const { file, address, ports } = setting;
  return [
    `--etcd-servers=${etcdUrl(setting)}`,
    `--bind-address=${address}`,
    // Nobody reaches the API server by the address of its own service; without an endpoint it need not look for one.
    '--advertise-address=10.96.255.254',
    '--endpoint-reconciler-type=none',
    `--secure-port=${ports.apiserver}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--token-auth-file=${file('tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service-accounts.pub')}`,
    `--service-account-signing-key-file=${file('service-accounts.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--allow-privileged=true',
    '--authorization-mode=Node,RBAC',
    `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
    `--kubelet-client-key=${file('kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--audit-policy-file=${file('audit-policy.yaml')}`,
    `--audit-log-path=${file('audit.log')}`,
    '--audit-log-mode=batch',
    '--shutdown-send-retry-after=false',
    '--profiling=false',
  ];
}

/** After the others: pods find the API server behind its Service, and it knows the certificates of kubelets. */
export function flagsForNodes({ file }: Setting, { address }: { address: string }): string[] {
  return [
    '--bind-address=0.0.0.0',
    `--advertise-address=${address}`,
    '--endpoint-reconciler-type=lease',
    '--enable-admission-plugins=NodeRestriction',
    `--kubelet-certificate-authority=${file('ca.crt')}`,
  ];
}

/** Alone in their cluster, without a port, and not held back by the limits that protect a shared API server. */
const worker = [
  '--leader-elect=false',
  '--profiling=false',
  '--secure-port=0',
  '--kube-api-qps=200',
  '--kube-api-burst=400',
];

export function controllerManagerFlags({ file }: Setting): string[] {
  return [
    `--kubeconfig=${file('controller-manager.kubeconfig')}`,
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${file('service-accounts.key')}`,
    `--root-ca-file=${file('ca.crt')}`,
    `--cluster-signing-cert-file=${file('ca.crt')}`,
    `--cluster-signing-key-file=${file('ca.key')}`,
    `--flex-volume-plugin-dir=${file('flex')}`,
    '--allocate-node-cidrs=false',
    ...worker,
  ];
}

export function schedulerFlags({ file }: Setting): string[] {
  return [`--kubeconfig=${file('scheduler.kubeconfig')}`, ...worker];
}

export function kwokFlags({ file, ports }: Setting): string[] {
  return [
    `--kubeconfig=${file('kwok.kubeconfig')}`,
    `--config=${file('kwok.yaml')}`,
    '--manage-all-nodes=true',
    '--cidr=10.200.0.0/16',
    '--node-ip=127.0.0.1',
    `--node-port=${ports.kubelet}`,
    // Asks for no credentials, and `exec` runs a command here: nobody but this machine reaches it.
    `--server-address=127.0.0.1:${ports.kubelet}`,
    `--tls-cert-file=${file('kubelet.crt')}`,
    `--tls-private-key-file=${file('kubelet.key')}`,
  ];
}
