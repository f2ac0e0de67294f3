import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { runCell, startKernel } from '../support/process/kernel.ts';
import { testCache } from '../support/process/test-cache.ts';

/** The same files in the browser and in a real notebook server: private, shared, and those of the teams at its start. */

mkdirSync(testCache, { recursive: true });

t.test('what is put into an area is in the notebook, and the other way round', async (t) => {
  const { gateway, person, open } = await openVisitors(t, {
    config: {
      integrations: { jupyterhub: { mode: 'managed', pythonEnvironment: join(testCache, 'jupyterhub-venv') } },
    },
  });
  const ann = await person('ann');
  const hub = `https://jupyterhub.localhost:${gateway.port}`;
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

  const skipped = browserSkipReason();
  if (skipped) return void t.comment(skipped);
  const { page, complaints } = await open('ann');
  const shown = async (what: string, name: string, act: () => Promise<unknown>) => {
    const link = page.getByRole('link', { name, exact: true });
    t.equal(await link.count(), 0, `${what}: not there yet`);
    const startedAt = performance.now();
    await act();
    await link.waitFor();
    t.comment(`${what}: seen after ${Math.round(performance.now() - startedAt)} ms`);
  };
  const write = (path: string) =>
    runCell(socket, `open(__import__('os').path.expanduser('~/files/${path}'), 'w').write('x')`);
  await page.goto(`${gateway.origin}/files/private`);
  await page.getByRole('link', { name: 'made.txt', exact: true }).waitFor();
  await shown('made in a notebook', 'seen-1.txt', () => write('private/seen-1.txt'));
  await shown('and the next at once', 'seen-2.txt', () => write('private/seen-2.txt'));
  await shown('put there by a program', 'seen-3.txt', () => files('PUT', 'private/seen-3.txt', 'x'));
  await page.goto(`${gateway.origin}/files/team:physics`);
  await page.getByRole('link', { name: 'data.txt', exact: true }).waitFor();
  await shown('made in the folder of a team', 'seen-4.txt', () => write('team/physics/seen-4.txt'));

  await page.goto(`${gateway.origin}/files`);
  const team = page.getByRole('link', { name: /Physics/ }).first();
  await team.waitFor();
  await ann.api('DELETE', `/teams/${id}/members/${me!.id}`);
  await team.waitFor({ state: 'detached' });
  await ann.api('PUT', `/teams/${id}/members/${me!.id}`, { role: 'member' });
  await team.waitFor();
  t.same(complaints, []);
});
