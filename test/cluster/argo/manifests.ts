import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

type KubeObject = {
  kind: string;
  metadata: { name: string; namespace?: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
};

/** Definitions without a schema: a tenth of the time and of the memory of the full ones, and nobody tests what those refuse. */
export const definitionsIn = (manifests: string): Promise<KubeObject[]> =>
  objectsIn(join(manifests, 'base', 'crds', 'minimal'));

/** What server and controller may, as the project publishes it, and who they are; in `namespace`, which kustomize would put there. */
export async function rightsIn(manifests: string, namespace: string): Promise<KubeObject[]> {
  const folders = ['argo-server-rbac', 'workflow-controller-rbac'].map((name) =>
    join(manifests, 'cluster-install-no-crds', name),
  );
  const rights = (await Promise.all(folders.map(objectsIn))).flat();
  const accounts = await Promise.all(
    ['argo-server/argo-server-sa.yaml', 'workflow-controller/workflow-controller-sa.yaml'].map((file) =>
      objectsOf(join(manifests, 'base', file)),
    ),
  );
  for (const each of [...rights, ...accounts.flat()]) {
    if (!each.kind.startsWith('Cluster')) each.metadata.namespace = namespace;
    for (const subject of each.subjects ?? []) subject.namespace = namespace;
  }
  return [...accounts.flat(), ...rights];
}

type Rule = { resources: string[]; resourceNames?: string[]; verbs: string[] };

/** The same, where the server reads Secrets by these names alone. */
export const withSecrets = (rights: KubeObject[], names: readonly string[]): KubeObject[] =>
  rights.map((object) => {
    const { rules } = object as KubeObject & { rules?: Rule[] };
    if (rules === undefined || !object.metadata.name.startsWith('argo-server')) return object;
    const narrowed = rules.flatMap((rule): Rule[] => {
      if (!rule.resources.includes('secrets') || rule.resourceNames !== undefined) return [rule];
      const rest = rule.verbs.filter((verb) => verb !== 'get');
      return [
        { ...rule, verbs: ['get'], resourceNames: [...names] },
        ...(rest.length > 0 ? [{ ...rule, verbs: rest }] : []),
      ];
    });
    return { ...object, rules: narrowed };
  });

async function objectsIn(folder: string): Promise<KubeObject[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  return (await Promise.all(files.map((file) => objectsOf(join(folder, file))))).flat();
}

async function objectsOf(file: string): Promise<KubeObject[]> {
  const documents = parseAllDocuments(await readFile(file, 'utf8'));
  return documents.map((document) => document.toJS() as KubeObject | null).filter((object) => object !== null);
}
