import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { runCell, startKernel } from '../support/process/kernel.ts';
import { createPerson } from '../support/process/person.ts';

/** The same files in the browser and in a real notebook server: private, shared, and those of the teams at its start. */
t.setTimeout(600_000);

const password = 'correct-horse-staple-7';
const cache = process.env['KNOT_TEST_CACHE'] ?? join(import.meta.dirname, '..', '..', '.cache');
mkdirSync(cache, { recursive: true });

t.test('what is put into an area is in the notebook, and the other way round', async (t) => {
  const gateway = await startGateway({
    config: { integrations: { jupyterhub: { mode: 'managed', pythonEnvironment: join(cache, 'jupyterhub-venv') } } },
  });
  const ann = createPerson(gateway);
  t.teardown(async () => {
    await ann.close();
    await gateway.stop();
  });
  const hub = `https://jupyterhub.localhost:${gateway.port}`;
  await ann.fill(await ann.visit(gateway.setupLink!), { username: 'ann', email: 'ann@example.org', password });
  const [me] = (await ann.api('GET', '/users')).json<{ users: { id: string }[] }>().users;
  const { id } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  await ann.api('PUT', `/teams/${id}/members/${me!.id}`, { role: 'member' });
  const files = (method: string, path: string, body?: string) =>
    ann.request(method, `/api/v1/files/${path}`, {
      headers: { origin: gateway.origin, 'sec-fetch-site': 'same-origin' },
      ...(body === undefined ? {} : { body }),
    });
  // Of an earlier release, where the folder had the name of the person.
  const earlier = join(gateway.data, 'files/users/ann');
  mkdirSync(earlier, { recursive: true });
  writeFileSync(join(earlier, 'earlier.txt'), 'earlier');

  await eventually(
    'Notebooks is ready',
    async () => {
      const { tiles } = (await ann.api('GET', '/tiles')).json<{
        tiles: { name: string; status: { status: string } }[];
      }>();
      return tiles.find(({ name }) => name === 'jupyterhub')?.status.status === 'ready';
    },
    300_000,
  );
  t.equal((await files('PUT', 'team:physics/data.txt', 'team data')).status, 201);
  await ann.visit(`${hub}/`);
  await eventually(
    'the server answers',
    async () => (await ann.visit(`${hub}/user/ann/lab`)).url.endsWith('/user/ann/lab'),
    120_000,
  );
  const socket = ann.socket((await startKernel(ann, hub, 'ann')).socketUrl);
  t.teardown(() => socket.close());
  const read = (path: string) => runCell(socket, `open(__import__('os').path.expanduser('${path}')).read()`);
  t.equal(await read('~/files/team/physics/data.txt'), "'team data'");
  t.equal(await read('~/files/private/earlier.txt'), "'earlier'");
  if (existsSync('/usr/bin/bwrap')) t.equal(await read('/files/team/physics/data.txt'), "'team data'");

  t.match(
    await runCell(socket, "open(__import__('os').environ['KNOT_PRIVATE_DIR'] + '/made.txt', 'w').write('made')"),
    '4',
  );
  t.match(await files('GET', 'private/made.txt'), { status: 200, text: 'made' });
  t.match(await runCell(socket, "open('files/team/physics/ours.txt', 'w').write('ours')"), '4');
  t.match(await files('GET', 'team:physics/ours.txt'), { status: 200, text: 'ours' });
  t.equal((await files('PUT', 'private/later.txt', 'later')).status, 201);
  t.equal(await read('~/files/private/later.txt'), "'later'");
  t.match(
    await runCell(socket, "open('files/private/later.txt', 'a').write('!')"),
    '1',
    'what is put there belongs to the person',
  );
  t.match(await runCell(socket, "open('files/team/physics/data.txt', 'a').write('!')"), '1', 'and to the team');
  t.match(await files('GET', 'private/later.txt'), { text: 'later!' });
});
