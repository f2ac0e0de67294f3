import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { WebSocket } from 'ws';
import { diskFolder, readTemplateAt } from '../../gateway/catalogue/index.ts';
import { saysBusy } from '../../gateway/services/busy.ts';
import { eventually } from '../support/eventually.ts';
import { runCell, startKernelAt } from '../support/process/kernel.ts';
import { cachedPackages } from '../support/process/template-packages.ts';
import { openPeople } from '../support/process/people.ts';
import { becomes, launch as launchAs, type RunningService, servicesSkipReason } from '../support/process/services.ts';
import { versitygw } from '../support/process/versitygw.ts';

/** The templates that Knot ships, each doing what it is for on a whole gateway, side by side, with one person's files between them. */

const charts = join(import.meta.dirname, '../../charts/templates');

/** Debian has these; `npm test` installs them where it may. */
const absent = ['redis-server', 'python3', 'Xtigervnc', 'openbox', 'xterm']
  .map((name) => `/usr/bin/${name}`)
  .concat('/usr/lib/postgresql', '/usr/share/novnc')
  .filter((path) => !existsSync(path));
const skip = servicesSkipReason() || (absent.length > 0 && process.env.CI !== 'true' && `without ${absent.join(', ')}`);

/** Puts an object into a bucket and reads it, signed (AWS Signature Version 4), with nothing but Python. */
const bucketScript = `
import datetime, hashlib, hmac, http.client, json, socket
keys = json.load(open('/run/services/store/credentials.json'))
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('/run/services/store/s3.sock')
def ask(method, path, body=b'', secret=keys['secretKey']):
    at = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    digest = hashlib.sha256(body).hexdigest()
    headers = {'host': 'localhost', 'x-amz-content-sha256': digest, 'x-amz-date': at}
    names = ';'.join(sorted(headers))
    canonical = '\\n'.join([method, path, ''] + [f'{name}:{headers[name]}' for name in sorted(headers)] + ['', names, digest])
    scope = f'{at[:8]}/us-east-1/s3/aws4_request'
    text = '\\n'.join(['AWS4-HMAC-SHA256', at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + secret).encode()
    for part in [at[:8], 'us-east-1', 's3', 'aws4_request']: key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers['authorization'] = f"AWS4-HMAC-SHA256 Credential={keys['accessKey']}/{scope}, SignedHeaders={names}, Signature={hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}"
    connection = Connection('localhost')
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
print(ask('PUT', '/bucket')[0], ask('PUT', '/bucket/a.txt', b'object')[0], ask('GET', '/bucket/a.txt')[1].decode(), ask('GET', '/bucket/a.txt', secret='wrong')[0])
`;

/** Status of the refusal of a WebSocket. */
async function refusedWith(socket: WebSocket): Promise<number | undefined> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode?: number }];
  socket.on('error', () => undefined);
  socket.terminate();
  return response.statusCode;
}

const script = `
import csv, os, pathlib, socket, subprocess, glob
cache = socket.socket(socket.AF_UNIX)
cache.connect('/run/services/cache/redis.sock')
cache.sendall(b'SET seen 1\\r\\nINCR seen\\r\\n')
answer = b''
while answer.count(b'\\r\\n') < 2: answer += cache.recv(100)
psql = sorted(glob.glob('/usr/lib/postgresql/*/bin/psql'))[-1]
sql = "create table if not exists seen (n integer); insert into seen values (40); select sum(n) + 2 from seen"
number = subprocess.run([psql, '-h', '/run/services/db', '-qAtc', sql], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
pathlib.Path('results').mkdir(exist_ok=True)
with open('results/x.csv', 'w') as file: csv.writer(file).writerows([['name', 'number'], ['cache', answer.split()[-1].decode()], ['db', number]])
print('written by', os.getcwd())
`;

t.test('what Knot ships works, with one person’s files and services between', { skip }, async (t) => {
  const { gateway, ann, person } = await openPeople(t, {
    others: ['bob'],
    config: { services: { packages: cachedPackages, machine: { memory: '16 GiB' } } },
  });

  const headers = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
  const put = (path: string, body: string) => ann.request('PUT', `/api/v1/files/private/${path}`, { headers, body });
  await put('script.py', script);

  const launch = (template: string, name: string, values: object = {}) => launchAs(ann, { template, name, values });
  const ready = ({ id }: RunningService) => becomes(ann, id, 'ready', 120_000);
  const outputOf = async (id: string): Promise<string> =>
    (await ann.request('GET', `${gateway.origin}/api/v1/services/${id}/logs.txt`)).text;

  t.match(
    (
      await ann.api('POST', '/services', {
        template: 'script',
        name: 'early',
        values: { services: ['db'] },
        dryRun: true,
      })
    ).json(),
    {
      obstacles: [{ field: 'values/services', message: 'ann has no service "db".' }],
    },
  );
  // All begin together; what takes longest is looked at last.
  const notebook = await launch('notebook', 'lab', {});
  const others = await Promise.all([
    launch('tensorboard', 'board'),
    launch('marimo', 'sheet'),
    launch('desktop', 'screen'),
    launch('code', 'editor', { folder: '/files/private' }),
    launch('terminal', 'shell', { folder: '/files/private/results' }),
  ]);
  const [board, sheet, screen, editor, shell] = others;
  const stores = await Promise.all([launch('redis', 'cache'), launch('postgresql', 'db')]);
  await Promise.all(stores.map(ready));
  t.match(await ann.visit(stores[1].url), { status: 200, text: /speaks PostgreSQL[^]*\/run\/services\/db/ });

  // Of somebody else there is nothing that could be named.
  const bob = await person('bob');
  t.match(
    (await bob.api('POST', '/services', { template: 'script', name: 'x', values: { services: ['db'] } })).json(),
    { code: 'KNOT_SERVICES_REFUSED', message: 'bob has no service "db".' },
  );

  const job = await launch('script', 'job', { services: ['cache', 'db'] });
  await ready(job);
  const stateOf = async (): Promise<{ state: string; code?: number; number: number }> =>
    JSON.parse((await ann.visit(`${job.url}state`)).text);
  await eventually('the script has ended', async () => (await stateOf()).state !== 'running');
  t.match(await stateOf(), { state: 'done', code: 0, number: 1 }, (await ann.visit(`${job.url}output`)).text);
  t.match(await ann.visit(`${job.url}output`), { text: 'written by /files/private\n' });
  t.match(await ann.visit(job.url), { status: 200, text: /Run again/ });
  const table = (await ann.api('GET', '/files/private/results/x.csv')).text;
  t.equal(table.replaceAll('\r', ''), 'name,number\ncache,:2\ndb,42\n');

  // What was written stays while its service stops; who has it in sight sees it come back.
  for (const { id } of stores) await ann.api('POST', `/services/${id}/stop`, {});
  for (const { id } of stores) await becomes(ann, id, 'stopped');
  t.match(await outputOf(stores[0].id), /bye bye/, 'Redis was ended in good order');
  t.match(await outputOf(stores[1].id), /database system is shut down/, 'and so was PostgreSQL');
  for (const { id } of stores) await ann.api('POST', `/services/${id}/start`, {});
  await Promise.all(stores.map(ready));
  let said = '';
  const again = await ann.request('POST', `${job.url}run`, {
    headers: { 'x-requested-by': 'test', origin: new URL(job.url).origin },
  });
  t.equal(again.status, 202);
  await eventually(
    () => `it ran again: ${said}`,
    async () => {
      said = (await ann.visit(`${job.url}state`)).text;
      return /"number":2,"state":"(done|failed)"/.test(said);
    },
  );
  t.match(await stateOf(), { state: 'done' }, (await ann.visit(`${job.url}output`)).text);
  t.match((await ann.api('GET', '/files/private/results/x.csv')).text, /db,82/);

  const site = await launch('web', 'site', { folder: '/files/private/results' });
  await ready(site);
  t.match(await ann.visit(`${site.url}x.csv`), { status: 200, text: /db,82/ });
  t.match((await ann.api('GET', '/files/private/results')).text, /x\.csv/);

  // The notebook reads it, and what it writes is a file of its owner.
  await ready(notebook);
  t.match((await ann.api('GET', `/services/${notebook.id}`)).json<{ steps: object[] }>().steps, [
    { name: 'packages', state: 'done' },
    { name: 'program' },
    { state: 'done' },
  ]);
  t.match(await ann.visit(`${notebook.url}lab`), { status: 200, text: /jupyterlab/i });
  const { socketUrl } = await startKernelAt(ann, notebook.url.slice(0, -1));
  const { origin } = new URL(notebook.url);
  const kernel = ann.socket(socketUrl, { headers: { origin } });
  const cell = `import pandas; table = pandas.read_csv('/files/private/results/x.csv'); table.to_json('/files/private/table.json'); int(table.number[1])`;
  t.equal(await runCell(kernel, cell, 60_000), '82');
  // While a cell runs it says so where its template looks for it, so that it is not put to sleep.
  const { process: plan } = await readTemplateAt(diskFolder(join(charts, 'notebook')), 'notebook', { kind: 'shipped' });
  const { path, pointer, is } = plan!.rest!.busy!;
  const isAtWork = async () => saysBusy((await ann.visit(new URL(path!, notebook.url).href)).text, pointer!, is);
  t.notOk(await isAtWork());
  const waits = `import os, time\nwhile not os.path.exists('/files/private/go'): time.sleep(0.05)\n'went on'`;
  const waiting = runCell(kernel, waits, 60_000);
  await eventually('a cell runs', isAtWork);
  await put('go', '');
  t.equal(await waiting, "'went on'");
  await eventually('none does', async () => !(await isAtWork()));
  kernel.close();
  t.match((await ann.api('GET', '/files/private/table.json')).text, /"number":\{"0":/);
  t.equal(await refusedWith(ann.socket(socketUrl, { headers: { origin: 'https://elsewhere.example' } })), 403);

  await ready(board);
  t.match(await ann.visit(board.url), { status: 200, text: /TensorBoard/ });
  t.match(await ann.visit(`${board.url}data/environment`), { text: /\/files\/private/ });

  await ready(sheet);
  t.match(await ann.visit(sheet.url), { status: 200, text: /marimo/ });

  await ready(screen);
  t.match(await ann.visit(`${screen.url}vnc.html`), { status: 200, text: /noVNC/ });
  const address = `${screen.url.replace('https:', 'wss:')}websockify`;
  const vnc = ann.socket(address, { headers: { origin: new URL(screen.url).origin }, protocols: ['binary'] });
  const [greeting] = (await once(vnc, 'message')) as [Buffer];
  t.match(String(greeting), /^RFB 003\.008/);
  vnc.close();

  // The editor: its page, what its own packages bring, its socket, and the files of its owner.
  await ready(editor);
  const page = await ann.visit(editor.url);
  t.match(page.url, /\/\?folder=\/files\/private$/);
  const [at] = /stable-[0-9a-f]{40}/.exec(page.text) ?? [];
  t.ok(at, page.text.slice(0, 500));
  t.match(await ann.visit(`${editor.url}${at}/static/node_modules/vscode-oniguruma/release/onig.wasm`), {
    status: 200,
  });
  t.match(await ann.visit(`${editor.url}${at}/vscode-remote-resource?path=/files/private/results/x.csv`), {
    text: /db,82/,
  });
  const wires = `${editor.url.replace('https:', 'wss:')}${at}?reconnectionToken=t&reconnection=false&skipWebSocketFrames=false`;
  const wire = ann.socket(wires, { headers: { origin: new URL(editor.url).origin } });
  await once(wire, 'open');
  wire.close();
  t.equal(await refusedWith(ann.socket(wires, { headers: { origin: 'https://elsewhere.example' } })), 403);

  await ready(shell);
  t.match(await ann.visit(shell.url), { status: 200, text: /xterm\.js/ });
  t.match(await ann.visit(`${shell.url}xterm.js`), { status: 200 });
  const shellOrigin = new URL(shell.url).origin;
  const line = ann.socket(`${shell.url.replace('https:', 'wss:')}shell`, { headers: { origin: shellOrigin } });
  let screenText = '';
  line.on('message', (data: Buffer) => (screenText += data.toString()));
  await once(line, 'open');
  line.send('[100,30]');
  line.send(Buffer.from('pwd; tail -1 x.csv; stty size\n'));
  await eventually(
    () => `the shell answers: ${screenText}`,
    async () => /results[^]*db,82[^]*30 100/.test(screenText),
  );
  line.send(Buffer.from('exit\n'));
  await once(line, 'close');

  // Of what is missing the template says so, before anybody launches it.
  const server = await versitygw();
  const [{ missing } = { missing: [] }] = (await ann.api('GET', '/templates'))
    .json<{ templates: { id: string; missing: { what: string; remedy: string }[] }[] }>()
    .templates.filter(({ id }) => id === 's3');
  const skip = typeof server !== 'string' && server.skip;
  t.match(missing, skip ? [{ what: /versitygw is not installed/, remedy: /go install/ }] : []);
  await t.test('a bucket', { skip }, async (t) => {
    await put('bucket.py', bucketScript);
    await ready(await launch('s3', 'store'));
    const asks = await launch('script', 'asks', { command: ['python3', 'bucket.py'], services: ['store'] });
    await ready(asks);
    await eventually('it has asked', async () => !(await ann.visit(`${asks.url}state`)).text.includes('running'));
    t.equal((await ann.visit(`${asks.url}output`)).text, '200 200 object 403\n');
    t.equal((await ann.api('GET', '/files/private/s3/bucket/a.txt')).text, 'object');
  });
});
