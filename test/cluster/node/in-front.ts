import type { Test } from 'tap';
import { eventually } from '../../support/eventually.ts';
import { createPerson } from '../../support/process/person.ts';
import { startFront } from '../front.ts';
import type { RunningNode } from './start.ts';

/** The gateway that `npm run cluster -- --real` puts in front: the first admin has a place in the cluster, with files. */
export async function isInFront(t: Test, node: RunningNode): Promise<void> {
  const front = await startFront(node, node);
  t.teardown(() => front.stop());
  const ann = createPerson(front);
  t.teardown(() => ann.close());
  const fields = { username: 'ann', email: 'ann@example.org', password: 'correct-horse-staple-7' };
  await ann.fill(await ann.visit(front.setupLink!), fields);
  await eventually('a place', async () => {
    const { place } = (await ann.api('GET', '/provisioning/user/ann')).json<{ place?: { state: string } }>();
    return place?.state === 'ready';
  });
  await node.until('pvc/knot-private', 'jsonpath={.status.phase}=Bound', 'knot-ann');
}
