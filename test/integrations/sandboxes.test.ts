import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkProbes, cleanUp, type Found, layOut, probesOf } from '../support/process/isolation-probes.ts';
import { startHub } from './hub-fixture.ts';

/** Which sandbox notebook servers get, and who starts where none can be had. */

t.test(
  'on a machine without bubblewrap Knot brings its own',
  { skip: process.platform !== 'linux' && 'the sandbox is for Linux' },
  async (t) => {
    const { hub, visit } = await startHub(t, { searchPath: '/nowhere' });
    t.match(hub.health(), [{ name: 'notebook-isolation', status: 'ok', message: /sandbox of its own/ }]);
    t.notOk(hub.sharesNetwork!());
    const ann = visit('ann');
    await ann.startServer();
    const seen = await ann.run(
      await ann.startKernel(),
      'import os; print(os.path.exists("/etc/shadow"), os.environ["HOME"])',
    );
    t.equal(seen, 'False /files/home\n');
  },
);

const forbidden = async () =>
  ({
    isAvailable: false,
    isInstalled: true,
    reason: 'bubblewrap is installed, but this system does not let it work',
    said: 'bwrap: Creating new namespace failed: /secret/path',
  }) as const;

t.test('where no sandbox can be had only admins’ own servers start, and the refusal says why', async (t) => {
  const { hub, visit } = await startHub(t, { findSandbox: forbidden });
  t.match(hub.health(), [
    { name: 'notebook-isolation', status: 'failed', message: /admins only/, remedy: /isolation: trusted-users/ },
    { name: 'jupyterhub', status: 'ok' },
  ]);
  const ann = visit('ann', 'knot:user:ann');
  for (const path of ['/hub/spawn', '/user/ann/lab', '/hub/user-redirect/lab']) {
    const page = await ann.open(path);
    t.ok([403, 424].includes(page.status), `${path}: ${page.status}`);
  }
  const page = await ann.open('/hub/spawn');
  t.equal(page.status, 403);
  t.match(page.body, /not started.*does not let it work/s);
  t.match(page.body, 'Allow user namespaces');
  t.notMatch(page.body, '/secret/path');
  const api = await ann.post('/hub/api/users/ann/server', '/hub/');
  t.equal(api.status, 403, api.body);
  t.match(api.body, 'does not let it work');

  const root = visit('root1', 'knot-admins,knot:user:root1');
  await root.startServer();
  t.equal(await root.run(await root.startKernel(), 'print(6*7)'), '42\n', 'an admin’s own starts');
  const forAnn = await root.post('/hub/api/users/ann/server', '/hub/');
  t.equal(forAnn.status, 403, 'nobody else’s does, an admin asking or not');

  // The gateway says on each request who is an admin now.
  const demoted = visit('root1', 'knot:user:root1');
  for (const [key, value] of root.cookies) demoted.cookies.set(key, value);
  const answer = await demoted.send('/hub/home');
  t.match(answer, { status: 302, headers: { location: /\/hub\/login/ } }, 'who is none any more signs in anew');
});

t.test('when the operator says so everybody’s servers start, and the health says what that means', async (t) => {
  const { hub, visit, folder } = await startHub(t, {
    findSandbox: forbidden,
    config: { isolation: 'trusted-users' },
  });
  t.match(hub.health(), [
    {
      name: 'notebook-isolation',
      status: 'failed',
      message: /^Notebook users own the gateway: .*keys.*accounts.*database/,
      remedy: /take integrations\.jupyterhub\.isolation: trusted-users out/,
    },
  ]);
  t.ok(hub.sharesNetwork!());
  const ann = visit('ann');
  await ann.startServer();
  const seen = JSON.parse(
    await ann.run(
      await ann.startKernel(),
      `import os, json
from ipykernel.kernelapp import IPKernelApp
open(os.path.expanduser("~/files/private/mine.txt"), "w").write("x")
open(os.path.expanduser("~/files/shared/ours.txt"), "w").write("x")
print(json.dumps([os.environ["HOME"], os.environ["KNOT_PRIVATE_DIR"], os.environ["KNOT_SHARED_DIR"], os.getcwd(), IPKernelApp.instance().transport]))`,
    ),
  ) as string[];
  const home = join(folder, 'jupyterhub/homes/ann');
  t.strictSame(seen, [home, join(folder, 'files/users/ann'), join(folder, 'files/shared'), home, 'ipc']);
  t.equal(statSync(join(folder, 'files/users/ann/mine.txt')).size, 1);
  t.equal(statSync(join(folder, 'files/shared/ours.txt')).size, 1);

  // Nothing is refused, so that what is refused in a sandbox is refused by it.
  if (process.getuid?.() !== 0) return;
  const aims = await layOut(t, { data: folder, files: ['files/users/bob/secret.txt'] });
  t.teardown(() => cleanUp(aims));
  const found = await ann.run(await ann.startKernel(), probesOf(aims));
  checkProbes(t, JSON.parse(found) as Found, 'unprotected');
});
