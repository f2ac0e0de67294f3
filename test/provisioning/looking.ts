import type { Provisioning } from '../../gateway/provisioning/index.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';

/** What a test asks of a cluster as its administrator. */
export function lookingAt({ request }: Pick<ControlPlane, 'request'>) {
  /**
   * Waits for it, and asks for a look meanwhile: for what is made on a change nobody has to. Seldom: each is a chain of requests, and
   * what is waited for is done by the cluster that answers them.
   */
  const become = (provisioning: Provisioning, id: string, state: string) => {
    let looks = 0;
    return eventually(`a place that is ${state}`, async () => {
      const place = await provisioning.find(id);
      if (place?.state === state) return place;
      if (looks++ % 10 === 0) await provisioning.ask(id);
      return undefined;
    });
  };
  const of = async (path: string) => (await request(path)).body;
  const inNamespace = (namespace: string, kind: string, name = '') =>
    of(`/api/v1/namespaces/${namespace}/${kind}${name && `/${name}`}`);

  async function patch(path: string, body: object): Promise<void> {
    const { status } = await request(path, { method: 'PATCH', body, contentType: 'application/merge-patch+json' });
    if (status !== 200) throw new Error(`${path}: ${status}`);
  }

  /** Everything of every kind that the API server knows in a namespace, and everything in the cluster with the owner's label. */
  async function leftOf(namespace: string, ownerId: string): Promise<string[]> {
    type Resource = { name: string; kind: string; namespaced: boolean; verbs: string[] };
    const groups = (await of('/apis')).groups.map(
      (group: { preferredVersion: { groupVersion: string } }) => `/apis/${group.preferredVersion.groupVersion}`,
    );
    const found = await Promise.all(
      ['/api/v1', ...groups].map(async (base: string) => {
        const resources = ((await of(base)).resources as Resource[]).filter(({ verbs }) => verbs.includes('list'));
        return Promise.all(
          resources.map(async ({ name, kind, namespaced }) => {
            const path = namespaced
              ? `${base}/namespaces/${namespace}/${name}`
              : `${base}/${name}?labelSelector=knot/owner-id=${ownerId}`;
            const { items = [] } = await of(path);
            return (items as { metadata: { name: string } }[]).map(({ metadata }) => `${kind} ${metadata.name}`);
          }),
        );
      }),
    );
    return found.flat(2);
  }

  /** What there is of an owner, without what names them. */
  async function shapeOf(namespace: string, name: string, id: string): Promise<string[]> {
    const ofCluster = /^(Event|EndpointSlice|ConfigMap) /;
    return (await leftOf(namespace, id))
      .filter((one) => !ofCluster.test(one))
      .map((one) => one.replaceAll(namespace, 'NS').replaceAll(name, 'NAME'))
      .sort();
  }

  return { become, of, inNamespace, patch, leftOf, shapeOf };
}
