import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../gateway/kube/index.ts';

/** The role of people as the chart has it (`knot-user`). */
export function peoplesRole([program, ...before]: readonly [string, ...string[]], home: string): KubeObject {
  const text = execFileSync(
    program,
    [...before, 'template', 'knot', 'charts/knot', '--namespace=knot', '--show-only=templates/rbac-user.yaml'],
    { cwd: join(import.meta.dirname, '../../..'), env: { HOME: home }, encoding: 'utf8' },
  );
  const found = parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .find((object) => object?.kind === 'ClusterRole' && object.metadata.name === 'knot-user');
  if (!found) throw new Error('the chart has no ClusterRole knot-user');
  return found;
}
