import { stringify } from 'yaml';
import { images, importedFrom } from './images.ts';

/** Addresses inside the namespaces: several nodes may use the same ones side by side. */
export const addresses = {
  node: '10.99.0.1',
  services: '10.96.0.0/16',
  pods: '10.244.0.0/24',
} as const;

export const nodeName = 'knode';

/**
 * The settings of containerd 1.6 (its own `version = 2`); `networks` is the folder with that of the pods, `registries` the one with how each
 * registry is reached (containerd, docs/hosts.md). The snapshotter is overlayfs unless the folder cannot carry one.
 */
export function runtimeSettings(
  { networks, registries }: { networks: string; registries: string },
  snapshotter: 'overlayfs' | 'native',
): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [${['snapshotter.v1.btrfs', 'snapshotter.v1.zfs', 'snapshotter.v1.devmapper', 'snapshotter.v1.aufs', 'tracing.processor.v1.otlp', 'internal.v1.tracing'].map((plugin) => `"io.containerd.${plugin}"`).join(', ')}]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${images.pause}"
  disable_apparmor = true
  # Lowering a score needs a capability that a container, where tests often run, does not have.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registries}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

/** The network of the pods (CNI specification 1.0.0). */
export const podNetwork = JSON.stringify({
  cniVersion: '1.0.0',
  name: nodeName,
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: '/run/cni-addresses',
        ranges: [[{ subnet: addresses.pods }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  ],
});

/** KubeletConfiguration v1beta1. `file` is the path of a file of the control plane; `group` the control group that pods are put below, `folder` that of the namespaces. */
export const kubeletSettings = (file: (name: string) => string, { group, folder }: { group: string; folder: string }) =>
  stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: file('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: file('node.crt'),
    tlsPrivateKeyFile: file('node.key'),
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${group}`,
    // Refused since 1.35 unless it is said.
    failCgroupV1: false,
    failSwapOn: false,
    // Only looks at the machine's settings: namespaces.sh shows it what it wants to see.
    protectKernelDefaults: true,
    // What one namespace has pulled is no other's for the asking (the default since 1.35). Of imported images nobody has: said here, or a
    // pull of the same content under another name makes one that must be pulled.
    imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages',
    preloadedImagesVerificationAllowlist: [`${importedFrom}/*`],
    // Imported images cannot be fetched again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    volumePluginDir: file('flex'),
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: `${folder}/resolv.conf`,
    serializeImagePulls: false,
    maxPods: 60,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
  });

/** KubeProxyConfiguration v1alpha1. */
export const proxySettings = (kubeconfig: string) =>
  stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    mode: 'nftables',
    clusterCIDR: '10.244.0.0/16',
    hostnameOverride: nodeName,
    bindAddress: addresses.node,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    // These limits are the whole machine's.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
