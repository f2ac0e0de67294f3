import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { publicAddress } from '../../gateway/config/address.ts';
import { createExternalHub } from '../../gateway/integrations/jupyterhub/external.ts';

/** What a hub that runs elsewhere is asked, and by which right: its answers are those of JupyterHub 5 (`managed-hub.test.ts` asks a real one). */
const clientSecret = 'shared-by-hub-and-knot';

t.test('a hub that runs elsewhere says whose server runs, and stops it', async (t) => {
  const asked: string[] = [];
  const answers: Record<string, [status: number, body?: object][]> = {};
  const server = createServer((request, response) => {
    const question = `${request.method} ${request.url} ${request.headers.authorization}`;
    asked.push(question);
    const [status, body] = answers[request.method!]?.shift() ?? [500];
    response.writeHead(status, { 'content-type': 'application/json' }).end(body && JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const hub = createExternalHub({
    config: { title: 'Notebooks' },
    publicAddress: publicAddress({ domain: 'knot.example.org' }, 443),
    upstream: { protocol: 'http:', hostname: '127.0.0.1', port, allowLoopback: true },
    clientSecret,
    caFile: undefined,
  });
  t.teardown(() => hub.stop());

  const settings = hub.settings();
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: settings });
  const token = /"api_token": "([0-9a-f]{64})"/.exec(settings)?.[1];
  t.ok(token, 'what is pasted names the token');
  t.match(settings, '"scopes": ["read:servers", "delete:servers"]');

  const servers = (...names: string[]) => ({
    kind: 'user',
    servers: Object.fromEntries(names.map((name) => [name, {}])),
  });
  answers['GET'] = [[200, servers('')], [200, servers()], [200, servers('named')], [404], [403]];
  t.equal(await hub.runsFor!('ann'), true);
  t.equal(await hub.runsFor!('ann'), false);
  t.equal(await hub.runsFor!('ann'), false, 'a tile is of the one server that it opens');
  t.equal(await hub.runsFor!('nobody'), false);
  await t.rejects(hub.runsFor!('ann'), { code: 'KNOT_INTEGRATIONS_TOOL_FORBIDDEN' });
  t.equal(asked[0], `GET /hub/api/users/ann token ${token}`);

  answers['DELETE'] = [[202], [204], [404], [403], [400]];
  await hub.stopOf!('ann');
  t.equal(asked.at(-1), `DELETE /hub/api/users/ann/server token ${token}`);
  await hub.stopOf!('nobody');
  for (const why of ['older settings', 'a refusal'])
    await t.rejects(hub.stopOf!('ann'), { code: 'KNOT_INTEGRATIONS_NOT_STOPPED' }, why);
});
