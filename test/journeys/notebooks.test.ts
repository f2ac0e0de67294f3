import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { runCell, startKernel } from '../support/process/kernel.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { testCache } from '../support/process/test-cache.ts';

/** A real JupyterHub behind the gateway: sign-in, spawn, kernel, another person's server, the end of a session. */

mkdirSync(testCache, { recursive: true });
const { gateway, ann, person, stranger } = await openPeople(t, {
  others: ['bob'],
  config: { integrations: { jupyterhub: { mode: 'managed', pythonEnvironment: join(testCache, 'jupyterhub-venv') } } },
});
const hub = `https://jupyterhub.localhost:${gateway.port}`;

type Tiles = {
  tiles: { name: string; status: { status: string; message: string; remedy?: string; progress?: number } }[];
};

async function openLab(person: Person, username: string): Promise<number> {
  const startedAt = performance.now();
  await person.visit(`${hub}/`);
  await eventually(`the server of ${username} answers`, async () =>
    (await person.visit(`${hub}/user/${username}/lab`)).url.endsWith(`/user/${username}/lab`),
  );
  return performance.now() - startedAt;
}

t.test('the tile of the notebooks becomes ready', async (t) => {
  const early = await ann.visit(`${hub}/hub/home`);
  if (early.status !== 200) {
    t.equal(early.status, 503);
    t.match(early.text, /<h1>Notebooks is starting<\/h1>/, 'not ready yet: our page with the step');
    t.match(early.text, /http-equiv="refresh"/);
  }
  let last: Tiles['tiles'][number] | undefined;
  await eventually(
    'Notebooks is ready',
    async () => {
      last = (await ann.api('GET', '/tiles')).json<Tiles>().tiles.find(({ name }) => name === 'jupyterhub');
      if (last?.status.status === 'failed') throw new Error(JSON.stringify(last));
      return last?.status.status === 'ready';
    },
    300_000,
  );
  t.match(await gateway.line(/Notebooks is ready/), 'jupyterhub', 'the log tells it too');
});

t.test('one click leads to JupyterLab without a second form, and a kernel answers over its WebSocket', async (t) => {
  const ms = await openLab(ann, 'ann');
  t.comment(`from click to JupyterLab: ${Math.round(ms)} ms`);
  const { socketUrl } = await startKernel(ann, hub, 'ann');
  const socket = ann.socket(socketUrl);
  t.equal(await runCell(socket, '6*7'), '42');
  t.equal(await runCell(socket, "__import__('os').environ['KNOT_USER']"), "'ann'");
  t.equal(await runCell(socket, "__import__('os').path.isdir(__import__('os').environ['KNOT_PRIVATE_DIR'])"), 'True');
  socket.close();
});

t.test('a deep link opened signed out lands there after sign-in, path and query intact', async (t) => {
  const somebody = stranger();
  const asked = await somebody.visit(`${hub}/hub/user-redirect/lab/tree/x.ipynb?y=1`);
  t.match(asked.url, `${gateway.origin}/login`);
  const landed = await somebody.fill(asked, { username: 'ann', password });
  t.equal(landed.url, `${hub}/user/ann/lab/tree/x.ipynb?y=1`);
});

t.test('a second person gets their own server and cannot reach the first one’s', async (t) => {
  const bob = await person('bob');
  await openLab(bob, 'bob');
  const refused = await bob.visit(`${hub}/user/ann/lab`);
  t.equal(refused.status, 403);
  t.match(refused.text, /Decision/);
  t.match(refused.text, /bob/, 'the page says who was refused');
  for (const path of [
    '/user/ann/api/contents',
    '/user/ann/api/kernels',
    '/hub/user/ann/',
    '/user/%61nn/lab',
    '/user/ann/files/x',
  ]) {
    const answer = await bob.request('GET', `${hub}${path}`, { headers: { accept: 'application/json' } });
    t.equal(answer.status, 403, path);
    t.match(answer.text, /KNOT_PROXY_DENIED/, `${path} is refused by the gateway itself`);
  }
  const socket = bob.socket(`${hub.replace('https:', 'wss:')}/user/ann/api/kernels/x/channels`);
  const [error] = (await once(socket, 'error')) as [Error];
  t.match(error.message, /403/);
  const isolated = bob.socket((await startKernel(bob, hub, 'bob')).socketUrl);
  const homes = join(gateway.data, 'jupyterhub', 'homes');
  if (existsSync('/usr/bin/bwrap')) {
    t.equal(
      await runCell(isolated, `__import__('os').path.exists(${JSON.stringify(join(homes, 'ann'))})`),
      'False',
      'files of the other are not there',
    );
    t.equal(
      await runCell(isolated, `__import__('os').path.exists(${JSON.stringify(join(gateway.data, 'knot.db'))})`),
      'False',
      'nor is the database',
    );
  }
  isolated.close();
});

t.test('shared files are one folder, private files are not', async (t) => {
  const bob = await person('bob');
  const run = async (person: Person, name: string, code: string): Promise<string> => {
    const socket = person.socket((await startKernel(person, hub, name)).socketUrl);
    const result = await runCell(socket, code);
    socket.close();
    return result;
  };
  const shared = "__import__('os').environ['KNOT_SHARED_DIR']+'/note.txt'";
  const secret = "__import__('os').environ['KNOT_PRIVATE_DIR']+'/note.txt'";
  t.equal(await run(ann, 'ann', `open(${shared},'w').write('hello'), open(${secret},'w').write('mine')`), '(5, 4)');
  t.equal(await run(bob, 'bob', `open(${shared}).read()`), "'hello'");
  t.equal(await run(bob, 'bob', `__import__('os').path.exists(${secret})`), 'False');
});

t.test('sign-out cuts the open kernel socket within two seconds and makes every kept cookie worthless', async (t) => {
  const socket = ann.socket((await startKernel(ann, hub, 'ann')).socketUrl);
  t.equal(await runCell(socket, '1+1'), '2');
  const kept = ann.cookies('jupyterhub.localhost');
  const closed = once(socket, 'close');
  const startedAt = performance.now();
  await ann.submit('/logout', {});
  await closed;
  // Not a measurement: without being told, it would go on until what is cached is looked at again after a minute.
  t.ok(performance.now() - startedAt < 20_000, `cut after ${Math.round(performance.now() - startedAt)} ms`);
  ann.setCookies('jupyterhub.localhost', kept);
  const replayed = await ann.request('GET', `${hub}/user/ann/api/contents`, {
    headers: { accept: 'application/json' },
  });
  t.equal(replayed.status, 401);
});

t.test('disabling an account cuts its kernel socket within two seconds', async (t) => {
  const bob = await person('bob');
  const socket = bob.socket((await startKernel(bob, hub, 'bob')).socketUrl);
  t.equal(await runCell(socket, '1+1'), '2');
  const closed = once(socket, 'close');
  const done = gateway.knot(['user', 'disable', 'bob']);
  t.equal((await done).status, 0);
  const startedAt = performance.now();
  await closed;
  // Not a measurement: without being told, it would go on until what is cached is looked at again after a minute.
  t.ok(performance.now() - startedAt < 20_000, `cut after ${Math.round(performance.now() - startedAt)} ms`);
});

t.test('who stops their server on its tile ends it, with the kernel in it', async (t) => {
  await ann.signIn('ann', password);
  await openLab(ann, 'ann');
  const tile = async () =>
    (await ann.api('GET', '/tiles')).json<Tiles>().tiles.find(({ name }) => name === 'jupyterhub');
  const socket = ann.socket((await startKernel(ann, hub, 'ann')).socketUrl);
  t.equal(await runCell(socket, '1+1'), '2');
  t.match(await tile(), { isRunning: true, canStop: true });
  const closed = once(socket, 'close');
  t.match((await ann.api('POST', '/tiles/jupyterhub/stop', {})).json(), { isRunning: false });
  await closed;
  t.match(await tile(), { isRunning: false });
});

t.test('stopping the gateway leaves no process behind', async (t) => {
  const { pid } = gateway;
  t.equal(await gateway.signal('SIGTERM'), 0);
  t.throws(() => process.kill(pid, 0));
  const { execFileSync } = await import('node:child_process');
  const left = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(gateway.data));
  t.strictSame(left, []);
});
