import type { Test } from 'tap';
import { request } from 'undici';
import { createWorkflows } from '../../gateway/integrations/argo/workflows.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { eventually } from '../support/eventually.ts';

/** A server of Argo Workflows, and the token of an account that has rights in one namespace alone. */
export type ArgoServer = { url: string; namespace: string; token: string };

/**
 * What Knot takes for granted of an Argo server, whoever runs it: `argo.test.ts` asks the one that the tests build, and
 * `argo-real.test.ts` an operator's. It makes workflows that wait and start no pod, and takes them away again.
 */
export async function keepsItsContract(t: Test, { url, namespace, token }: ArgoServer): Promise<void> {
  const ask = async (method: 'GET' | 'POST' | 'DELETE', path: string, options: { as?: string; body?: object } = {}) => {
    const { as = `Bearer ${token}`, body } = options;
    const answer = await request(`${url}${path}`, {
      method,
      headers: { ...(as !== '' && { authorization: as }), 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, text, json: <T>() => JSON.parse(text) as T };
  };
  const workflows = createWorkflows({
    upstream: parseUpstream(url, { allowLoopback: true }),
    tokens: { of: async () => token, forget: () => undefined },
    log: silentLog,
  });
  t.teardown(workflows.close);
  const own = `/api/v1/workflows/${namespace}`;
  const made: string[] = [];
  t.teardown(async () => {
    for (const name of made) await ask('DELETE', `${own}/${name}`);
  });
  /** One that does nothing until it is told to go on. */
  const make = async (): Promise<string> => {
    const spec = { entrypoint: 'main', templates: [{ name: 'main', suspend: {} }] };
    const workflow = { metadata: { generateName: 'knot-contract-' }, spec };
    const answer = await ask('POST', own, { body: { workflow } });
    t.equal(answer.status, 200, answer.text);
    const { name } = answer.json<{ metadata: { name: string } }>().metadata;
    made.push(name);
    return name;
  };

  await t.test('it asks who one is, and a field says so before a cookie does', async (t) => {
    t.equal((await ask('GET', '/api/v1/version', { as: '' })).status, 401);
    t.equal((await ask('GET', own, { as: 'Bearer nobody' })).status, 401);
    const { status, text } = await ask('GET', '/api/v1/version');
    t.equal(status, 200, text);
    t.match(text, /"version":"v?4\./);
    const both = await request(`${url}/api/v1/userinfo`, {
      headers: { authorization: `Bearer ${token}`, cookie: 'authorization=Bearer nobody' },
    });
    t.equal(both.statusCode, 200, await both.body.text());
  });

  await t.test('an account has its namespace and no other', async (t) => {
    t.equal((await ask('GET', `${own}?listOptions.limit=1`)).status, 200);
    for (const path of ['/api/v1/workflows/', '/api/v1/workflows/kube-system', '/api/v1/workflow-events/kube-system'])
      t.equal((await ask('GET', path)).status, 403, path);
  });

  await t.test('Knot lists, stops and runs again what is there', async (t) => {
    const name = await make();
    const found = async (of: string) => (await workflows.list(namespace, 100)).find((one) => one.name === of);
    await eventually('it is running', async () => (await found(name))?.state === 'Running');
    t.match(await found(name), { namespace, isStopping: false, createdAt: Number, startedAt: Number });
    t.equal((await workflows.list(namespace, 1)).length, 1, 'as many as are asked for');
    await workflows.act(namespace, name, 'stop');
    await eventually('its end', async () => (await found(name))?.finishedAt !== undefined);
    const again = await workflows.act(namespace, name, 'resubmit');
    made.push(again.name);
    t.not(again.name, name);
    t.ok(again.name.startsWith('knot-contract-'));
    await t.rejects(workflows.act(namespace, 'knot-contract-none', 'stop'), { code: 'KNOT_INTEGRATIONS_NO_WORKFLOW' });
  });

  await t.test('what happens is told as it does, to who asks for events', async (t) => {
    const stream = new AbortController();
    const name = await make();
    const { statusCode, headers, body } = await request(`${url}/api/v1/workflow-events/${namespace}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      signal: stream.signal,
    });
    t.equal(statusCode, 200);
    t.match(headers['content-type'], /^text\/event-stream/);
    let text = '';
    const reading = (async () => {
      for await (const chunk of body) text += String(chunk);
    })().catch(() => undefined);
    await eventually('its event', () => text.includes(`"name":"${name}"`));
    t.match(text, /^data: {"result":/);
    stream.abort();
    await reading;
  });
}
