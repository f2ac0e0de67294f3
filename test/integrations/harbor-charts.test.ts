/** Charts of a project as Knot reads them, on the contract server with a real registry behind it. */
import t, { type Test } from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { createHarbor, type ToolOwner } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { packed } from '../catalogue/written.ts';
import { registryMissing, startHarbor } from '../contracts/harbor/harbor.ts';
import { pushChart } from '../contracts/harbor/push-chart.ts';

const missing = registryMissing();
if (missing !== undefined) {
  t.pass(missing, { skip: missing });
  process.exit();
}

const ada: ToolOwner = { kind: 'user', id: 'id-ada', name: 'ada', title: 'ada', isPaused: false };
const mostBytes = 1024 * 1024;

async function open(t: Test) {
  const server = await startHarbor();
  t.teardown(server.stop);
  const harbor = createHarbor({
    publicAddress: publicAddress({ domain: 'knot.test' }, 443),
    ...{ clientSecret: () => 'client-secret-0123456789', caFile: undefined, clock: systemClock, log: silentLog },
    ...{ config: { title: 'Images' }, secrets: { admin: server.adminPassword } },
    upstream: parseUpstream(server.origin, { allowLoopback: true }),
  });
  t.teardown(() => harbor.stop());
  await harbor.provide!(ada);
  const archive = await packed([{ name: 'web/Chart.yaml', text: 'name: web' }]);
  const push = (repository: string, version: string, bytes = archive) =>
    pushChart(server.origin, ['admin', server.adminPassword], { repository, version, archive: bytes });
  return { server, harbor, registry: harbor.registry!, archive, push };
}

t.test('charts of a project, however deep, are listed by their versions and read as its pods would', async (t) => {
  const { server, registry, archive, push } = await open(t);
  t.same(await registry.chartsOf('nobody'), []);
  t.same(await registry.chartsOf('ada'), []);
  const first = await push('ada/web', '1.0.0');
  const second = await push('ada/web', '1.0.1+build.7', await packed([{ name: 'web/Chart.yaml', text: 'new' }]));
  const deeper = await push('ada/deep/er/web', '1.0.0');
  await push('library/web', '1.0.0');
  const { state } = server;
  const projectId = state.projects.find(({ name }) => name === 'ada')!.id;
  state.artifacts.push({
    ...{ projectId, repository: 'ada/app', digest: 'sha256:1', size: 5, tags: ['1.0.0'], mediaType: '' },
    ...{ configMediaType: '', pushedAt: new Date().toISOString() },
  });
  const listed = await registry.chartsOf('ada');
  const [below, direct] = listed.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  t.strictSame(listed.map(({ name }) => name).sort(), ['deep/er/web', 'web'], 'no image');
  t.strictSame(below!.versions, [{ version: '1.0.0', digest: deeper.manifest }]);
  t.match(await registry.fetchChart('ada', { name: 'deep/er/web', digest: deeper.manifest, mostBytes }), {
    bytes: archive,
  });
  t.strictSame(
    direct!.versions.toSorted((one, other) => (one.version < other.version ? -1 : 1)),
    [
      { version: '1.0.0', digest: first.manifest },
      { version: '1.0.1+build.7', digest: second.manifest },
    ],
  );
  server.asked.length = 0;
  await registry.chartsOf('ada');
  t.notOk(
    server.asked.some((one) => one.includes('/app/')),
    'an image is not asked about again',
  );

  server.asked.length = 0;
  const read = await registry.fetchChart('ada', { name: 'web', digest: first.manifest, mostBytes });
  t.same(read, { bytes: archive });
  t.match(server.asked, [/GET \/service\/token\?.*scope=repository%3Aada%2Fweb%3Apull$/, /manifests/, /blobs/]);

  // By the robot of the project: who may not pull there reads nothing.
  state.robots.forEach((robot) => (robot.isDisabled = true));
  await t.rejects(registry.fetchChart('ada', { name: 'web', digest: first.manifest, mostBytes }), {
    code: 'KNOT_INTEGRATIONS_TOOL_AWAY',
  });
});

t.test('what is too large, elsewhere, changed on its way or no chart is refused', async (t) => {
  const { server, registry, push } = await open(t);
  const { manifest, layer } = await push('ada/web', '1.0.0');
  const read = (most = mostBytes) => registry.fetchChart('ada', { name: 'web', digest: manifest, mostBytes: most });
  t.match(await read(10), { refused: /bytes packed; at most 10 are read/ });
  const answering = (part: string, status: number, headers: Record<string, string>, body: string) => {
    server.meddle = (request, response) => {
      if (!request.url!.includes(part)) return false;
      response.writeHead(status, headers);
      response.end(body);
      return true;
    };
  };
  answering(`/blobs/${layer}`, 307, { location: 'http://169.254.169.254/latest/meta-data' }, '');
  t.match(await read(), { refused: /another host, which Knot does not follow.*disableredirect/ });
  answering(`/blobs/${layer}`, 200, {}, 'something else');
  t.match(await read(), { refused: /not what its digest says/ });
  answering(`/manifests/${manifest}`, 200, {}, '{"layers":[]}');
  t.match(await read(), { refused: /not what its digest says/ });
  answering(`/blobs/${layer}`, 200, {}, 'x'.repeat(5 * 1024 * 1024));
  await t.rejects(read(), 'what never ends is not read to its end');
  answering(`/blobs/${layer}`, 503, {}, '');
  await t.rejects(read(), { code: 'KNOT_INTEGRATIONS_TOOL_AWAY' });
  answering(
    '/artifacts',
    200,
    { 'content-type': 'application/json' },
    JSON.stringify([{ type: 'CHART', digest: '../../x', tags: [{ name: '1.0.0' }] }]),
  );
  t.same(await registry.chartsOf('ada'), [], 'a digest that is none');
  server.meddle = undefined;
  t.match(await read(), { bytes: Buffer });
});
