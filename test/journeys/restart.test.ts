import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { runCell, startKernel } from '../support/process/kernel.ts';
import { openPeople } from '../support/process/people.ts';
import { testCache } from '../support/process/test-cache.ts';

/** `knot restart` with a real JupyterHub: people keep their kernels, a wrong configuration stops nothing, nothing is left behind. */

mkdirSync(testCache, { recursive: true });
const ours = mkdtempSync(join(tmpdir(), 'knot-restart-'));
/** The environment of all tests, by a name that this one may take away. */
const pythonEnvironment = join(ours, 'python');
symlinkSync(join(testCache, 'jupyterhub-venv'), pythonEnvironment);
t.teardown(() => rmSync(ours, { recursive: true }));
const { gateway, ann } = await openPeople(t, {
  config: {
    // The same after the restart: people come back to where they were.
    listen: `127.0.0.1:${await freePort()}`,
    integrations: { jupyterhub: { mode: 'managed', pythonEnvironment } },
  },
});
const hub = `https://jupyterhub.localhost:${gateway.port}`;

async function isReady(): Promise<boolean> {
  const answer = await ann.api('GET', '/tiles').catch(() => undefined);
  if (answer?.status !== 200) return false;
  const { tiles } = answer.json<{ tiles: { name: string; status: { status: string } }[] }>();
  return tiles.find(({ name }) => name === 'jupyterhub')?.status.status === 'ready';
}

/** What a cell is answered that asks for an address inside: by Knot, which is the only way out. */
const wayOut = `
import urllib.request, urllib.error
def status(url):
    try:
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return 'nothing answers'
status('http://10.255.255.1/')`;

const configFile = (): string => /--config\0([^\0]+)/.exec(readFileSync(`/proc/${gateway.pid}/cmdline`, 'latin1'))![1]!;

const ofThisGateway = (): string[] =>
  execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(gateway.data));

t.test('ann computes', async (t) => {
  await eventually('Notebooks is ready', isReady, 300_000);
  t.match((await gateway.knot(['status'])).stdout, /Nobody has a notebook server running/);
  await ann.visit(`${hub}/`);
  await eventually('her server answers', async () =>
    (await ann.visit(`${hub}/user/ann/lab`)).url.endsWith('/user/ann/lab'),
  );
});

t.test('a restart keeps what a kernel knows, and the same connection works again', async (t) => {
  const { socketUrl } = await startKernel(ann, hub, 'ann');
  const before = ann.socket(socketUrl);
  t.equal(await runCell(before, 'kept = 6 * 7; kept'), '42');
  t.equal(await runCell(before, wayOut), '403', 'the way out of notebooks refuses what lies inside');
  t.match((await gateway.knot(['status'])).stdout, /Notebook servers run of ann\./);
  const health = (await ann.api('GET', '/health')).json<{ components: { name: string; message: string }[] }>();
  t.match(
    health.components.find(({ name }) => name === 'notebook-servers')?.message,
    /^ann\. .*`npx knot restart` keeps it/,
  );
  t.notMatch(await (await fetch(`${gateway.ops}/healthz`)).text(), /notebook-servers/, 'not told to whoever asks');

  const closed = once(before, 'close');
  const restarted = await gateway.knot(['restart']);
  t.equal(restarted.status, 0, restarted.stderr);
  t.match(restarted.stdout, `Knot was started anew and answers at ${gateway.origin}.`);
  t.match(restarted.stdout, 'Notebook servers run of ann.');
  await closed;
  await eventually('Notebooks is ready again', isReady);
  await eventually('her server is known again', async () =>
    (await ann.visit(`${hub}/user/ann/lab`)).url.endsWith('/user/ann/lab'),
  );
  const after = ann.socket(socketUrl);
  t.equal(await runCell(after, 'kept'), '42');
  after.close();
  t.match(await gateway.line(/went on during the restart/), '"ann"');
});

t.test('the hub can stop a server it took over', async (t) => {
  const xsrf = ann.cookiesFor(`${hub}/hub/`).get('_xsrf') ?? '';
  const stopped = await ann.request('DELETE', `${hub}/hub/api/users/ann/server`, {
    headers: { 'x-xsrftoken': xsrf, origin: hub, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
  });
  t.ok([202, 204].includes(stopped.status), `${stopped.status} ${stopped.text.slice(0, 200)}`);
  await eventually('nobody runs anything', async () => /Nobody/.test((await gateway.knot(['status'])).stdout));
  await ann.visit(`${hub}/hub/spawn`);
  await eventually('another one starts', async () =>
    (await ann.visit(`${hub}/user/ann/lab`)).url.endsWith('/user/ann/lab'),
  );
});

t.test('a wrong configuration refuses the restart before anything is stopped', async (t) => {
  const file = configFile();
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, `${good}\nnonsense: 1\n`);
  const refused = await gateway.knot(['restart']);
  t.equal(refused.status, 1);
  t.match(refused.stderr, 'nonsense');
  process.kill(gateway.pid, 'SIGUSR2');
  t.match(await gateway.line(/restart is refused/), 'nonsense', 'the signal alone is judged as well');
  t.equal(await isReady(), true);
  writeFileSync(file, good.replace(gateway.data, `${gateway.data}-elsewhere`));
  process.kill(gateway.pid, 'SIGUSR2');
  await gateway.line(/names another data folder/);
  t.equal(await isReady(), true);
  writeFileSync(file, good);
});

t.test('a restart that would end what somebody runs is refused, and says whose', async (t) => {
  renameSync(pythonEnvironment, `${pythonEnvironment}-gone`);
  const refused = await gateway.knot(['restart']);
  renameSync(`${pythonEnvironment}-gone`, pythonEnvironment);
  t.equal(refused.status, 1);
  t.match(refused.stderr, /notebook servers of ann would end, because their Python environment/);
  t.equal(await isReady(), true);
});

t.test('stopping tells who is affected, and leaves nothing behind', async (t) => {
  t.equal(await gateway.signal('SIGTERM'), 0);
  t.match(await gateway.line(/stopping ends the notebook servers/), '"ann"');
  t.strictSame(ofThisGateway(), []);
});
