import type { Test } from 'tap';
import { hello } from '../cluster/argo/workflows.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { ArgoHouse } from './argo-fixture.ts';

const many = 3_000;
const atOnce = 50;

/** Many workflows, and such as have the names of others. */
export async function staysShort(
  t: Test,
  { person, ask, submit, until, list, enter, origin }: ArgoHouse,
  { cluster }: { cluster: ControlPlane },
): Promise<void> {
  const [joanna, bob] = [await person('joanna'), await person('bob')];
  await enter(bob);

  await t.test('a workflow that is called as somebody else’s, or as their namespace, is one’s own', async (t) => {
    for (const name of ['first', 'knot-joanna', 'knot-joanna.first']) {
      t.equal((await submit(bob, 'knot-bob', hello(name))).status, 200, name);
      await until(bob, 'knot-bob', name, 'Succeeded');
    }
    const { workflows } = await list(bob);
    t.same(
      workflows.filter(({ name }) => name === 'first').map(({ url }) => url),
      [`${origin}/workflows/knot-bob/first`],
    );
    t.equal((await ask(bob, 'GET', '/api/v1/workflows/knot-bob/knot-joanna')).status, 200);
    for (const path of ['/api/v1/workflows/knot-joanna/first', '/api/v1/workflows/knot-bob/../knot-joanna/first'])
      t.not((await ask(bob, 'GET', path)).status, 200, path);
    const before = (await list(joanna, '?limit=50')).workflows.length;
    t.equal((await bob.api('POST', '/workflows/first/resubmit', {})).status, 200);
    t.match(await bob.api('POST', '/workflows/first/resubmit?owner=joanna', {}), { status: 403 });
    t.equal((await list(joanna, '?limit=50')).workflows.length, before, 'nothing of hers was run again');
    t.ok((await list(bob, '?limit=50')).workflows.some(({ name }) => /^first-/.test(name)));
  });

  await t.test(
    `of ${many} workflows lists tell as many as they are asked for, and the page of the tool goes on`,
    async (t) => {
      const path = '/apis/argoproj.io/v1alpha1/namespaces/knot-bob/workflows';
      const finished = {
        labels: { 'workflows.argoproj.io/completed': 'true', 'workflows.argoproj.io/phase': 'Succeeded' },
        status: { phase: 'Succeeded', startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:01Z' },
      };
      const { spec, ...of } = hello('past');
      for (let from = 0; from < many; from += atOnce)
        await Promise.all(
          Array.from({ length: atOnce }, async (_, index) => {
            const metadata = { name: `past-${from + index}`, labels: finished.labels };
            const body = { ...of, spec, metadata, status: finished.status };
            const { status } = await cluster.request(path, { method: 'POST', body });
            if (status !== 201) throw new Error(`past-${from + index}: ${status}`);
          }),
        );

      const shown = await bob.api('GET', '/workflows');
      t.equal(shown.status, 200, shown.text);
      t.equal(shown.json<{ workflows: object[] }>().workflows.length, 10);
      t.ok(shown.text.length < 10_000, 'as long as for ten');
      t.match(await bob.api('GET', `/workflows?limit=${many}`), { status: 400 }, 'more than a list may have');

      type Page = { items: { metadata: { name: string } }[]; metadata: { continue?: string } };
      const names = new Set<string>();
      let after = '';
      do {
        const query = new URLSearchParams({
          'listOptions.limit': '500',
          'listOptions.continue': after,
          // Without it the server says that there is more of what is archived alone (server/workflow, ListWorkflows).
          'listOptions.fieldSelector': 'ext.showRemainingItemCount=true',
          fields: 'metadata,items.metadata.name',
        });
        const page = (await ask(bob, 'GET', `/api/v1/workflows/knot-bob?${query.toString()}`)).json<Page>();
        t.ok(page.items.length <= 500);
        for (const { metadata } of page.items) names.add(metadata.name);
        after = page.metadata.continue ?? '';
      } while (after !== '');
      t.equal([...names].filter((name) => name.startsWith('past-')).length, many, 'page by page all of them');
    },
  );
}
