import { readFile } from 'node:fs/promises';

/** One record of the audit log: who did what, and how it ended. */
export type AuditRecord = {
  verb: string;
  user: { username: string; groups?: string[] };
  impersonatedUser?: { username: string; extra?: Record<string, string[]> };
  userAgent?: string;
  objectRef?: { resource: string; subresource?: string; namespace?: string; name?: string; apiGroup?: string };
  requestURI: string;
  responseStatus?: { code: number };
  annotations?: Record<string, string>;
};

/** Not what the cluster's own programs do, all day long, and no bodies: they hold secrets. */
export const auditPolicyOfTests = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'None',
      users: [
        'system:apiserver',
        'system:kwok',
        'system:kube-controller-manager',
        'system:kube-scheduler',
        'system:kube-proxy',
        'system:netpol',
        'system:anonymous',
      ],
    },
    { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
    { level: 'None', nonResourceURLs: ['/readyz', '/livez', '/healthz'] },
    { level: 'Metadata' },
  ],
};

/** Oldest first. */
export async function readAuditLog(file: string): Promise<AuditRecord[]> {
  const text = await readFile(file, 'utf8');
  // The last line may be half written.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditRecord);
}
