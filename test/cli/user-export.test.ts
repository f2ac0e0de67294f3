/** All that is somebody's leaves in one archive: before they are deleted, and what is left of it after. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openGuestHouse } from '../guests/house.ts';
import { eventually } from '../support/eventually.ts';
import { runKnot } from '../support/process/gateway.ts';
import { launch } from '../support/process/services.ts';
import { programTemplate } from '../support/process/templates.ts';

const password = 'a password that is nobody’s business';
const templates = programTemplate(t, {
  name: 'vault',
  description: 'Keeps something.',
  values: 'greeting: hello\nlogin:\n  name: x\n  password: ""\n',
  program:
    "import { createServer } from 'node:http';\ncreateServer((_request, response) => response.end('x')).listen(process.argv[2]);\n",
});
writeFileSync(
  join(templates, 'vault/values.schema.json'),
  JSON.stringify({
    type: 'object',
    properties: {
      greeting: { type: 'string' },
      login: {
        type: 'object',
        properties: { name: { type: 'string' }, password: { type: 'string', 'x-knot': { secret: true } } },
      },
    },
  }),
);
const house = await openGuestHouse(t, { config: { services: { templates: [templates] } } });
const { gateway, ann, bob, put, makeFolder } = house;
const folder = t.testdir({});

/** Names with sizes, and `person.json`, as another reader of archives than ours has them. */
function read(file: string): { names: Record<string, number>; person: ReturnType<typeof JSON.parse> } {
  const script =
    'import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps({n: len(z.read(n)) for n in z.namelist()})); print(z.read("person.json").decode())';
  const [names = '', ...record] = execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }).split('\n');
  return { names: JSON.parse(names), person: JSON.parse(record.join('\n')) };
}

t.test('files, account, team, token, service and shares are in it, and no secret', async (t) => {
  await makeFolder('results');
  await put('results/a & b.txt', 'hello');
  await put('large.bin', 'x'.repeat(3 << 20));
  await put('thrown-away.txt', 'gone');
  await bob.api('DELETE', '/files/private/thrown-away.txt');
  const link = await house.link('results');
  const token = await bob.api('POST', '/tokens', { name: 'laptop', scopes: ['files:read'] });
  t.equal(token.status, 201);
  await gateway.knot(['team', 'add', 'physics', '--title', 'Physics', '--manager', 'bob']);
  const wanted = {
    template: 'vault',
    name: 'mine',
    values: { greeting: 'good day', login: { name: 'bob', password } },
  };
  await launch(bob, wanted);
  await eventually('what is written is in the store', async () =>
    (await bob.api('GET', '/services')).text.includes('"mine"'),
  );

  const file = join(folder, 'bob.zip');
  t.match(await gateway.knot(['user', 'export', 'bob', '--to', file]), { status: 0, stdout: /bob\.zip has what bob/ });
  t.equal(statSync(file).mode & 0o777, 0o600, 'for whoever asked alone');
  const { names, person } = read(file);
  t.strictSame(names, {
    'person.json': names['person.json'],
    'files/private/results/': 0,
    'files/private/results/a & b.txt': 5,
    'files/private/large.bin': 3 << 20,
  });
  t.match(person, {
    format: 1,
    account: { username: 'bob', email: 'bob@example.org', state: 'active', isAdmin: false },
    teams: [{ name: 'physics', role: 'manager' }],
    tokens: [{ name: 'laptop', scopes: ['files:read'] }],
    services: [
      {
        name: 'mine',
        template: { id: /vault/ },
        values: { greeting: 'good day', login: { name: 'bob', password: '(secret)' } },
      },
    ],
    shares: { given: [{ thing: { kind: 'files', path: 'results' }, right: 'view' }], received: [] },
  });
  const text = JSON.stringify(person);
  for (const secret of [password, token.json<{ secret: string }>().secret, link.url.slice(-43)])
    t.notOk(text.includes(secret));
  t.match((await ann.api('GET', '/audit')).text, /user\.exported/);

  t.match(await gateway.knot(['user', 'export', 'bob', '--to', file]), { status: 1, stderr: /KNOT_CLI_FILES_EXIST/ });
  t.match(await gateway.knot(['user', 'export', 'bob']), { status: 2, stderr: /--to is missing/ });
  t.match(await gateway.knot(['user', 'export', 'nobodyhere', '--to', '-']), {
    ...{ status: 1, stdout: '', stderr: /There is and was no user "nobodyhere"/ },
  });
});

t.test('of who was deleted what is left comes out, on standard output too', async (t) => {
  const { users } = (await ann.api('GET', '/users')).json<{ users: { id: string; username: string }[] }>();
  const { id } = users.find(({ username }) => username === 'bob')!;
  t.equal((await ann.api('DELETE', `/users/${id}`)).status, 204);
  const script = join(import.meta.dirname, '../../gateway/main.ts');
  const settings = ['--data', gateway.data, '--policies', gateway.policies];
  const piped = execFileSync(process.execPath, [script, 'user', 'export', 'bob', '--to', '-', ...settings]);
  const file = join(folder, 'left.zip');
  writeFileSync(file, piped);
  const { names, person } = read(file);
  t.equal(names['files/private/results/a & b.txt'], 5);
  t.match(person, { account: { id, username: 'bob', deletedAt: /^\d{4}-/ }, services: [], tokens: [], teams: [] });
  t.match(await runKnot(['user', 'export', 'bob', '--to', `${folder}/none/x.zip`, ...settings]), { status: 1 });
  t.equal(readFileSync(file).length, piped.length);
});
