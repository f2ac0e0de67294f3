import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority } from '../cluster/certificates.ts';

/**
 * A certificate that the API server of a test shows to the listener for admission, as an operator gives it one: an
 * AdmissionConfiguration that names a kubeconfig for webhooks. `host`: as the webhook is called (`127.0.0.1:9443`, or any: `*`).
 */
export async function callerCertificate(
  t: { teardown(act: () => Promise<void>): void },
  commonName = 'kube-apiserver',
) {
  const folder = await mkdtemp(join(tmpdir(), 'knot-callers-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const authority = await makeAuthority();
  const { cert, key } = await authority.issue({ commonName });
  const write = async (name: string, content: string | object) => {
    const file = join(folder, name);
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
    return file;
  };
  const kubeconfig = await write('webhooks.kubeconfig', {
    apiVersion: 'v1',
    kind: 'Config',
    users: [
      {
        name: '*',
        user: { 'client-certificate': await write('client.crt', cert), 'client-key': await write('client.key', key) },
      },
    ],
  });
  const configuration = await write('admission.yaml', {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'MutatingAdmissionWebhook',
        configuration: {
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'WebhookAdmissionConfiguration',
          kubeConfigFile: kubeconfig,
        },
      },
    ],
  });
  return {
    /** For `startControlPlane`. */
    flags: { 'kube-apiserver': [`--admission-control-config-file=${configuration}`] },
    caFile: await write('ca.crt', authority.cert),
    authority,
    pair: { cert, key },
  };
}
