import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createWorkflows } from '../../gateway/integrations/argo/workflows.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';

/** What Knot asks Argo itself, of a server that does not keep to what was asked. A real one is in `argo.test.ts`. */

async function open(t: Test, answer: RequestListener, knows = () => Promise.resolve(true)) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.authorization ?? ''} ${request.url!}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let number = 1;
  const workflows = createWorkflows({
    upstream: parseUpstream(`http://127.0.0.1:${port}`, { allowLoopback: true }),
    tokens: { of: async () => `token-${number}`, forget: () => void (number += 1) },
    ...{ knows, log: silentLog },
  });
  t.teardown(async () => {
    await workflows.close();
    server.close();
  });
  return { workflows, asked };
}

const workflow = (index: number) => ({
  metadata: {
    ...{ name: `past-${index}`, namespace: 'knot-ann', uid: `uid-${index}` },
    creationTimestamp: new Date(1_700_000_000_000 + index * 1000).toISOString(),
  },
  status: { phase: 'Succeeded' },
});

t.test('of 3,000 workflows that come though ten were asked for, the ten newest are told', async (t) => {
  const items = Array.from({ length: 3_000 }, (_, index) => workflow(index));
  const { workflows, asked } = await open(t, (_request, response) => response.end(JSON.stringify({ items })));
  const found = await workflows.list('knot-ann', 10);
  t.strictSame(
    found.map(({ name }) => name),
    Array.from({ length: 10 }, (_, index) => `past-${2_999 - index}`),
  );
  t.match(asked[0], /listOptions\.limit=10&fields=items\.metadata\.name/, 'and nothing of their steps');
});

t.test('an answer without an end is given up, and so much of it is never held', async (t) => {
  let sent = 0;
  const chunk = 'x'.repeat(1024 * 1024);
  const { workflows } = await open(t, (_request, response) => {
    const more = (): void => {
      if (response.destroyed) return;
      sent += chunk.length;
      response.write(chunk, () => setImmediate(more));
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    more();
  });
  await t.rejects(workflows.list('knot-ann', 10), { code: 'KNOT_INTEGRATIONS_ARGO_AWAY', statusCode: 503 });
  t.ok(sent < 64 * chunk.length, 'it is not read on');
});

t.test('what is no list of workflows is an empty one', async (t) => {
  for (const body of ['{"items":null}', '{}', 'null', '<html>']) {
    const { workflows } = await open(t, (_request, response) => response.end(body));
    t.strictSame(await workflows.list('knot-ann', 10), [], body);
  }
});

t.test('a token that is refused is asked for anew once, and not again and again', async (t) => {
  const { workflows, asked } = await open(t, (_request, response) => response.writeHead(401).end());
  await t.rejects(workflows.list('knot-ann', 1), { code: 'KNOT_INTEGRATIONS_ARGO_REFUSED', details: { status: 401 } });
  t.strictSame(
    asked.map((line) => line.split(' ')[1]),
    ['token-1', 'token-2'],
  );
});

t.test('a cluster that does not know what workflows are is not one without this workflow', async (t) => {
  const { workflows } = await open(t, (_request, response) => response.writeHead(404).end('{"code":5}'));
  await t.rejects(workflows.list('knot-ann', 10), {
    code: 'KNOT_INTEGRATIONS_ARGO_UNDEFINED',
    statusCode: 503,
    remedy: /definitions \(CRDs\)/,
  });
  await t.rejects(workflows.act('knot-ann', 'one', 'stop'), { code: 'KNOT_INTEGRATIONS_NO_WORKFLOW' });

  // What a server of 4.0 answers, from a copy of its own.
  const empty: RequestListener = (_request, response) => response.end('{"items":null}');
  const undefinedThere = await open(t, empty, () => Promise.resolve(false));
  await t.rejects(undefinedThere.workflows.list('knot-ann', 10), { code: 'KNOT_INTEGRATIONS_ARGO_UNDEFINED' });
  const away = await open(t, empty, () => Promise.reject(new Error('the cluster is away')));
  t.strictSame(await away.workflows.list('knot-ann', 10), [], 'what cannot be asked is not said');
});
