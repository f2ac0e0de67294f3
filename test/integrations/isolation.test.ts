import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { JupyterHubOptions } from '../../gateway/integrations/index.ts';
import { findSandbox } from '../../gateway/process/index.ts';
import { eventually } from '../support/eventually.ts';
import { checkProbes, type Found, layOut, probesOf } from '../support/process/isolation-probes.ts';
import { startHub, temporaryFolder } from './hub-fixture.ts';
import type { createVisitor } from './hub-visitor.ts';

/** What notebook servers can do to one another and to the gateway. */

const isRoot = process.getuid?.() === 0;

/** A proxy that says whose it is. */
const sayingWho: JupyterHubOptions['wayOut'] = async (username, socket) => {
  const server = createServer((request, response) => response.end(`${username} ${new URL(request.url!).pathname}`));
  await once(server.listen(socket), 'listening');
  return () => void (server.closeAllConnections(), server.close());
};

const available = await findSandbox();

t.test('in sandboxes', { skip: !available.isAvailable && available.reason }, async (t) => {
  const folder = temporaryFolder();
  // As an earlier release left it: everything belongs to the gateway's account.
  for (const path of ['jupyterhub/homes/ann/deep', 'files/users/ann', 'files/shared/old']) {
    mkdirSync(join(folder, path), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path, 'old.txt'), 'old', { mode: 0o600 });
  }
  const { visit, hub } = await startHub(t, { folder, wayOut: sayingWho });
  const hubPort = hub.route.upstream.port;
  const ann = visit('ann');
  const bob = visit('bob');
  await Promise.all([ann.startServer(), bob.startServer()]);
  const annKernel = await ann.startKernel();
  const bobKernel = await bob.startKernel();
  const asBob = (code: string) => bob.run(bobKernel, code);

  await t.test('nothing of what attacks a service is let in here either', async (t) => {
    const files = ['files/users/ann/secret.txt', 'jupyterhub/homes/ann/secret.txt'];
    const aims = await layOut(t, { data: folder, files });
    checkProbes(t, JSON.parse(await asBob(probesOf(aims))) as Found, 'inside');
  });

  await t.test('a kernel talks over sockets in its own folder, also one that is started in a terminal', async (t) => {
    const code = `import json, os
from jupyter_client.kernelapp import KernelApp
from ipykernel.kernelapp import IPKernelApp
started = KernelApp()
started.initialize([])
own = IPKernelApp.instance()
folder = os.path.dirname(own.abs_connection_file)
print(json.dumps([own.transport, started.km.transport, folder, os.stat(folder).st_mode & 0o777, len(own.ip) + 2]))`;
    const [own, started, place, mode, length] = JSON.parse(await ann.run(annKernel, code)) as unknown[];
    t.strictSame({ own, started, mode }, { own: 'ipc', started: 'ipc', mode: 0o700 });
    t.equal(place, '/run/knot/jupyter');
    t.ok((length as number) < 104, 'short enough for a socket on every system');
  });

  await t.test('kernels restart, are interrupted and report their end over these sockets', async (t) => {
    await ann.run(annKernel, 'kept = 1');
    const restarted = await ann.post(`/user/ann/api/kernels/${annKernel}/restart`);
    t.equal(restarted.status, 200);
    t.equal(await ann.run(annKernel, 'print("kept" in globals())'), 'False\n');
    const endless = ann
      .run(annKernel, 'import time\nwhile True: time.sleep(0.05)')
      .catch((error: Error) => error.message);
    await eventually('the kernel works', () => isBusy(ann, annKernel));
    t.equal((await ann.post(`/user/ann/api/kernels/${annKernel}/interrupt`)).status, 204);
    t.match(await endless, 'KeyboardInterrupt');
  });

  await t.test('another person’s notebook hears nothing of what a kernel runs and prints', async (t) => {
    const listening = asBob(`import json, time, zmq
context = zmq.Context()
poller = zmq.Poller()
ports = set()
for table in ("tcp", "tcp6"):
    for line in open("/proc/net/" + table).read().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            ports.add(int(fields[1].rpartition(":")[2], 16))
paths = {line.split()[-1] for line in open("/proc/net/unix") if len(line.split()) == 8}
kernels = {p.rpartition("-")[0] for p in paths if "-ipc-" in p and not p.startswith("@")}
names = [f"tcp://127.0.0.1:{port}" for port in ports]
names += [f"ipc://{prefix}-{n}" for prefix in kernels for n in range(1, 6)]
names += [f"ipc://{p}" for p in paths if p.startswith("@")]
heard = []
for name in names:
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.setsockopt(zmq.LINGER, 0)
    try:
        socket.connect(name)
        poller.register(socket, zmq.POLLIN)
    except zmq.ZMQError:
        pass
print("listening", len(ports) > 0, flush=True)
until = time.time() + 6
while time.time() < until:
    for socket, _ in poller.poll(200):
        heard.append(repr(socket.recv_multipart()))
print(json.dumps([text for text in heard if "whis" + "per" in text]))`);
    let isOver = false;
    const over = listening.finally(() => (isOver = true));
    while (!isOver) await ann.run(annKernel, `secret = "whisper"; print(secret)`);
    const [first, heard] = (await over).trim().split('\n');
    t.equal(first, 'listening True');
    t.equal(heard, '[]');
  });

  await t.test('nor does it find the other’s sockets, connection files, processes or tokens', async (t) => {
    const found = await asBob(`import glob, json, os
def readable(path):
    try:
        return open(path, "rb").read().decode("latin-1")
    except OSError as error:
        return type(error).__name__
own = os.environ["JUPYTER_RUNTIME_DIR"]
print(json.dumps({
  "folders": [p for place in ("run", "tmp", "var", "files", "dev", "home") for pattern in ("*-ipc-*", "kernel-*.json")
              for p in glob.glob(f"/{place}/**/{pattern}", recursive=True) if not p.startswith(own)],
  "mine": len(os.listdir(own)) > 0,
  "environments": [p for p in glob.glob("/proc/[0-9]*/environ") if any(word in readable(p) for word in ("CONFIGPROXY", "=ann"))],
  "abstract": [line.split()[-1] for line in open("/proc/net/unix") if any(w in line for w in ("@jupyter", "@kernel", "@/tmp/zmq"))],
}))`);
    t.strictSame(JSON.parse(found), { folders: [], mine: true, environments: [], abstract: [] });
  });

  await t.test(
    'nor does it connect to sockets that have a name and no file: they belong to its own network',
    async (t) => {
      const name = `knot-test-${process.pid}`;
      const listen = `import socket; served = socket.socket(socket.AF_UNIX); served.bind("\\0${name}"); served.listen()`;
      await ann.run(annKernel, listen);
      const connect = `import socket
try:
    socket.socket(socket.AF_UNIX).connect("\\0${name}"); print("connected")
except OSError as error:
    print(type(error).__name__)`;
      t.equal(await ann.run(annKernel, connect), 'connected\n', 'her own does');
      t.equal(await asBob(connect), 'ConnectionRefusedError\n');
    },
  );

  await t.test('processes without end are bounded, and end before the gateway does when memory is short', async (t) => {
    const code = `import resource; print(*resource.getrlimit(resource.RLIMIT_NPROC), open("/proc/self/oom_score_adj").read())`;
    const [soft, hard, score] = (await asBob(code)).trim().split(' ').map(Number);
    t.ok(soft! > 0 && soft! <= 8192 && hard! <= 8192, `${soft} ${hard}`);
    t.equal(score, 500);
  });

  await t.test('no port of the machine is reached, and of the hub only what a server has to ask', async (t) => {
    const model = JSON.parse((await ann.send('/hub/api/user')).body) as { server: string };
    t.equal(model.server, '/user/ann/');
    const address = (await ann.run(annKernel, 'import os; print(os.environ["JUPYTERHUB_SERVICE_URL"])')).trim();
    const listener = createServer((_request, response) => response.end('the operations listener')).listen(
      0,
      '127.0.0.1',
    );
    await once(listener, 'listening');
    t.teardown(() => void listener.close());
    const ports = {
      server: Number(new URL(address).port),
      operations: (listener.address() as AddressInfo).port,
      hubProxy: hubPort,
    };
    t.equal(
      await (await fetch(`http://127.0.0.1:${ports.operations}`)).text(),
      'the operations listener',
      'it is there',
    );
    const answers = JSON.parse(
      await asBob(`import json, os, socket, urllib.request, urllib.error
def reach(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close(); return "connected"
    except OSError as error:
        return type(error).__name__
def ask(path, method="GET", **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(hub + path, method=method, headers=headers, data=b"{}" if method == "POST" else None), timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
hub = os.environ["JUPYTERHUB_API_URL"]
token = "token " + os.environ["JUPYTERHUB_API_TOKEN"]
print(json.dumps({
  **{name: reach("127.0.0.1", port) for name, port in ${JSON.stringify(ports).replaceAll('"', "'")}.items()},
  "outside": reach("1.1.1.1", 443),
  "interfaces": [name for _, name in socket.if_nameindex() if name != "lo"],
  "me": ask("/user", Authorization=token),
  "activity": ask("/users/bob/activity", "POST", Authorization=token),
  "closed": [ask(path, method, Authorization=token) for path, method in
    [("/users/ann", "GET"), ("/users", "GET"), ("/proxy", "GET"), ("/users/ann/activity", "POST"), ("/users/bob/server", "POST"),
     ("/shutdown", "POST"), ("/../login", "GET"), ("/user/../users", "GET"), ("/%75sers", "GET"), ("/user", "POST")]],
}))`),
    ) as Record<string, unknown>;
    for (const name of ['server', 'operations', 'hubProxy']) t.equal(answers[name], 'ConnectionRefusedError', name);
    t.match(answers['outside'], /OSError|TimeoutError/);
    t.strictSame(answers['interfaces'], []);
    t.equal(answers['me'], 200);
    t.ok(
      [200, 201, 204, 400].includes(answers['activity'] as number),
      `${String(answers['activity'])}: the hub itself answers`,
    );
    t.strictSame(new Set(answers['closed'] as number[]), new Set([403]));
  });

  await t.test('packages come by the way out, which is each person’s own', async (t) => {
    t.equal(
      await asBob(
        'import urllib.request; print(urllib.request.urlopen("http://a.example/x", timeout=5).read().decode())',
      ),
      'bob /x\n',
    );
    t.equal(await ann.run(annKernel, 'import os; print(os.environ["https_proxy"])'), 'http://127.0.0.1:3128\n');
  });

  await t.test(
    'people have accounts of their own, which own what is theirs',
    { skip: !isRoot && 'not root' },
    async (t) => {
      type Record = { group: number; people: { [name: string]: number } };
      const record = JSON.parse(readFileSync(join(folder, 'jupyterhub/accounts.json'), 'utf8')) as Record;
      t.strictSame(Object.keys(record.people).toSorted(), ['ann', 'bob']);
      t.not(record.people['ann'], record.people['bob']);
      for (const name of ['ann', 'bob']) {
        for (const path of [`jupyterhub/homes/${name}`, `files/users/${name}`]) {
          const { uid, mode } = statSync(join(folder, path));
          t.strictSame([uid, mode & 0o777], [record.people[name], 0o700], path);
        }
      }
      t.equal(statSync(join(folder, 'jupyterhub/accounts.json')).mode & 0o777, 0o600);
      for (const path of ['jupyterhub/homes/ann/deep/old.txt', 'files/users/ann/old.txt']) {
        t.equal(statSync(join(folder, path)).uid, record.people['ann'], `${path}, made before`);
      }
      t.equal(
        await asBob('import os; print(os.getuid(), os.geteuid())'),
        `${record.people['bob']} ${record.people['bob']}\n`,
      );
      const who =
        'import getpass, grp, os, pwd; print(pwd.getpwuid(os.getuid())[0], grp.getgrgid(os.getgid())[0], os.path.expanduser("~bob"))';
      t.equal(await asBob(who), 'bob people /files/home\n', 'and a name inside');
      t.equal(
        await asBob(
          'import subprocess; print(subprocess.run(["cat", "/etc/passwd"], capture_output=True, text=True).stdout.count("\\n"))',
        ),
        '3\n',
      );
    },
  );

  await t.test('what is in the shared folder is everybody’s: made there, moved there, or there before', async (t) => {
    await ann.run(
      annKernel,
      `import os, shutil
open("/files/shared/made.txt", "w").write("made")
os.makedirs("/files/shared/folder/deeper", exist_ok=True)
open("/files/private/moved.txt", "w").write("moved")
shutil.move("/files/private/moved.txt", "/files/shared/moved.txt")`,
    );
    const code = `import json
def change(path):
    try:
        open(path, "a").write("!")
        return open(path).read()
    except OSError as error:
        return type(error).__name__
open("/files/shared/folder/deeper/by-bob.txt", "w").write("x")
print(json.dumps([change("/files/shared/" + name) for name in ("made.txt", "old/old.txt")] + [open("/files/shared/moved.txt").read()]))`;
    t.strictSame(JSON.parse(await asBob(code)), ['made!', 'old!', 'moved']);
  });
});

async function isBusy(visitor: ReturnType<typeof createVisitor>, kernel: string): Promise<boolean> {
  const { body } = await visitor.send(`/user/ann/api/kernels/${kernel}`);
  return (JSON.parse(body) as { execution_state: string }).execution_state === 'busy';
}
