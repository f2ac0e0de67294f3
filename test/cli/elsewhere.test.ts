import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { selfSignedPair } from '../support/net/self-signed.ts';
import { openPeople } from '../support/process/people.ts';
import { createLaptop, createLine, treeOf } from './elsewhere.ts';

/** Files from a laptop: the commands on a Knot elsewhere, with a personal token. */
const { gateway, ann } = await openPeople(t);
const line = await createLine(t, gateway.port);
const tokenFor = async (...scopes: string[]) =>
  (await ann.api('POST', '/tokens', { name: 'laptop', scopes })).json<{ secret: string }>().secret;
const token = await tokenFor('files:write');
const laptop = createLaptop(t, {
  KNOT_URL: `https://localhost:${line.port}`,
  KNOT_CA_FILE: gateway.caFile,
  KNOT_TOKEN: token,
});
const { home, knot, knotWith } = laptop;
const at = (path: string) => join(home, path);

t.test(
  'a folder goes there and comes back byte for byte, whatever its names are, and nothing is sent twice',
  async (t) => {
    const source = Buffer.from(at('results'));
    mkdirSync(at('results/empty'), { recursive: true });
    mkdirSync(at('results/deep/er'), { recursive: true });
    writeFileSync(at('outside'), 'secret');
    symlinkSync(at('outside'), at('results/link'));
    symlinkSync(home, at('results/folder-link'));
    const names = [
      'new\nline',
      'e\u0301',
      '\u00e9',
      'a & b#1.txt',
      'p_%25_q',
      'dot.',
      '\u202egpj',
      'back\\slash',
      '-rf',
    ];
    for (const name of names) writeFileSync(join(at('results'), name), name);
    writeFileSync(Buffer.concat([source, Buffer.from('/deep/er/'), Buffer.of(0xff, 0xfe, 0x41)]), 'not UTF-8');
    for (let index = 0; index < 40; index += 1) writeFileSync(at(`results/deep/${index}`), `${index}`);
    writeFileSync(at('results/zero'), '');
    utimesSync(at('results/deep/7'), 1_000_000_000.5, 1_000_000_000.5);

    const put = await knot('files', 'put', 'results/', 'private:/run7/');
    t.match(put, { status: 0, stderr: '', stdout: /51 files sent.*left out.*folder-link/ }, JSON.stringify(put));
    t.notOk(put.stdout.includes('new\nline'), 'no name forges a line');
    const got = await knot('files', 'get', 'private:/run7', 'back');
    t.match(got, { status: 0, stderr: '', stdout: /51 files fetched/ });
    rmSync(at('results/link'));
    rmSync(at('results/folder-link'));
    t.strictSame(treeOf(Buffer.from(at('back'))), treeOf(source));
    t.equal(statSync(at('back/deep/7')).mtimeMs, 1_000_000_000_500, 'the times of files come along');

    t.match(await knot('files', 'put', 'results/', 'private:/run7/'), { status: 0, stdout: /0 files sent.*51 equal/ });
    writeFileSync(at('results/zero'), 'changed');
    writeFileSync(at('results/added'), 'added');
    const refused = await knot('files', 'put', 'results/', 'private:/run7/');
    t.match(refused, { status: 1, stderr: /private:\/run7\/zero[^]*--replace[^]*KNOT_CLI_FILES_EXIST/ });
    t.match(await knot('files', 'get', 'private:/run7/added', '-'), { status: 1 }, 'nothing was changed');
    const skipped = await knot('files', 'put', 'results/', 'private:/run7/', '--skip', '--json');
    t.match(JSON.parse(skipped.stdout), { done: 1, equal: 50, skipped: ['private:/run7/zero'], failed: [] });
    t.match(await knot('files', 'get', 'private:/run7/', 'back'), { status: 0, stdout: /1 file fetched.*51 equal/ });
    t.match(await knot('files', 'put', 'results/', 'private:/run7/', '--replace'), {
      status: 0,
      stdout: /1 file sent/,
    });
    const changed = await knot('files', 'get', 'private:/run7/', 'back');
    t.match(changed, { status: 1, stderr: /back\/zero/ });
    t.match(await knot('files', 'get', 'private:/run7/', 'back', '--replace'), { status: 0 });
    t.equal(readFileSync(at('back/zero'), 'utf8'), 'changed');
    t.notOk(
      readdirSync(at('back')).some((name) => name.startsWith('.knot-')),
      'nothing is left beside',
    );
  },
);

t.test('one file: list, make a folder, move, read, delete, pipes', async (t) => {
  t.match(await knot('files', 'mkdir', 'private:/one'), { status: 0 });
  const pipe = (words: string, ...more: string[]) => laptop.pipe(words, 'files', 'put', '-', 'private:/one/p', ...more);
  t.match(await pipe('a longer text', '--json'), { status: 0, stdout: /"done": 1,\n *"bytes": 13,/ });
  t.match(await pipe('again'), { status: 1, stderr: /private:\/one\/p[^]*--replace[^]*KNOT_CLI_FILES_EXIST/ });
  t.match(await pipe('again', '--skip'), { status: 0, stdout: /^0 files sent, 0 bytes; 1 skipped\.\n$/ });
  t.match(await pipe('from a pipe', '--replace'), { status: 0, stdout: 'private:/one/p\n1 file sent, 11 bytes.\n' });
  writeFileSync(at('own'), 'own');
  t.match(await knot('files', 'put', 'own', 'private:/one/'), { status: 0, stdout: /private:\/one\/own/ });
  const nothingSent = /^0 files sent, 0 bytes; 1 equal already\.\n$/;
  t.match(await knot('files', 'put', 'own', 'private:/one/'), { status: 0, stdout: nothingSent }, 'it is equal');
  t.match(await knot('files', 'put', 'own', 'private:/one/', '--replace'), { status: 0, stdout: nothingSent });
  t.match(await knot('files', 'put', 'own', 'private:/one/p', '--skip'), { status: 0, stdout: /1 skipped/ });
  t.match(await knot('files', 'put', 'own', 'private:/one/p'), { status: 1, stderr: /private:\/one\/p[^]*--replace/ });
  t.match(await knot('files', 'mv', 'private:/one/p', 'private:/one/q'), { status: 0 });
  t.match(await knot('files', 'get', 'private:/one/q', '-'), { status: 0, stdout: 'from a pipe' });
  t.match(await knot('files', 'ls', 'private:/one'), { status: 0, stdout: /file +3 .* own\nfile +11 .* q\n/ });
  t.match(await knot('files', 'rm', 'private:/one/q'), { status: 0 });
  t.match(await knot('files', 'get', 'private:/one/own', '-', '--json'), {
    status: 2,
    stderr: /--json: standard output/,
  });
  const listed = await knot('files', 'ls', 'private:/one', '--json');
  t.match(JSON.parse(listed.stdout), [{ name: 'own', kind: 'file', size: 3 }]);
  const [missing, noArea, noSource] = await Promise.all([
    knot('files', 'ls', 'private:/none'),
    knot('files', 'ls', 'team:none:/'),
    knot('files', 'put', 'nowhere', 'private:/'),
  ]);
  t.match(missing, { status: 1, stderr: /KNOT_FILES_NOT_FOUND/ });
  t.match(noArea, { status: 1, stderr: /KNOT_API_NO_AREA/ });
  t.match(noSource, { status: 1, stderr: /KNOT_CLI_FILES_SOURCE/ });
});

t.test('a large file arrives whole over a line that is cut, and another run goes on where one was ended', async (t) => {
  const content = randomBytes(24 * 1024 * 1024);
  writeFileSync(at('large'), content);
  utimesSync(at('large'), 1_000_000_000, 1_000_000_000);
  Object.assign(line, { up: 5 * 1024 * 1024, cuts: 2 });
  t.match(await knot('files', 'put', 'large', 'private:/'), { status: 0 }, 'cut twice');
  t.equal(line.cuts, 0);
  Object.assign(line, { down: 7 * 1024 * 1024, cuts: 1 });
  t.match(await knot('files', 'get', 'private:/large', 'large-back'), { status: 0 }, 'cut once on the way back');
  t.ok(readFileSync(at('large-back')).equals(content));
  t.equal(statSync(at('large-back')).mtimeMs, 1_000_000_000_000);

  writeFileSync(at('large'), content.reverse());
  // The line is cut half way, and the command ended before it is there again: else all of it might be on its way already.
  Object.assign(line, { sent: 0, up: 12 * 1024 * 1024, cuts: 1 });
  const first = laptop.start(['files', 'put', 'large', 'private:/', '--replace']);
  await eventually('half of it went', () => line.cuts === 0 || first.child.exitCode !== null);
  first.child.kill('SIGKILL');
  await first.ended;
  const begun = line.sent;
  const again = await knot('files', 'put', 'large', 'private:/', '--replace');
  t.match(again, { status: 0 }, again.stderr);
  t.ok(line.sent - begun < content.length, `${line.sent - begun} bytes more`);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const onDisk = execFileSync('find', [join(gateway.data, 'files/private'), '-name', 'large'])
    .toString()
    .trim();
  t.equal(createHash('sha256').update(readFileSync(onDisk)).digest('hex'), sha256);
  t.same(readdirSync(at('.cache/knot/uploads')), [], 'nothing is remembered of what arrived');
});

t.test('getting never writes outside its target and follows no link', async (t) => {
  mkdirSync(at('target/deep'), { recursive: true });
  rmSync(at('target/deep'), { recursive: true });
  mkdirSync(at('elsewhere'));
  symlinkSync(at('elsewhere'), at('target/deep'));
  const refused = await knot('files', 'get', 'private:/run7/', 'target', '--replace');
  t.match(refused, { status: 1, stderr: /target\/deep/ });
  t.same(readdirSync(at('elsewhere')), []);
  t.same(readdirSync(at('target')), ['deep'], 'and nothing else was written before');
  writeFileSync(at('victim'), 'untouched');
  symlinkSync(at('victim'), at('own-link'));
  t.match(await knot('files', 'get', 'private:/one/own', 'own-link'), { status: 1, stderr: /own-link/ });
  t.match(await knot('files', 'get', 'private:/one/own', 'own-link', '--replace'), { status: 0 });
  t.equal(readFileSync(at('victim'), 'utf8'), 'untouched');
  t.ok(lstatSync(at('own-link')).isFile(), 'the link itself was replaced');
});

t.test('a Knot that names files to lead out is refused', async (t) => {
  const { key, cert } = selfSignedPair();
  writeFileSync(at('evil.pem'), cert);
  const bad = createServer({ key, cert }, (request, response) => {
    const isList = request.url!.includes('page=');
    response.setHeader('content-type', 'application/json');
    if (!isList) return void response.end('{}');
    const entries = ['../evil', '..', 'a/b', '/etc/x', ''].map((name) => ({
      name,
      kind: 'file',
      size: 1,
      etag: '"1"',
    }));
    const wanted = Number(new URL(request.url!, 'https://x').pathname.at(-1));
    response.end(JSON.stringify({ entries: [entries[wanted]] }));
  });
  await new Promise<void>((resolve) => bad.listen(0, '127.0.0.1', resolve));
  t.teardown(() => bad.close());
  const { port } = bad.address() as { port: number };
  const more = { KNOT_URL: `https://localhost:${port}`, KNOT_CA_FILE: at('evil.pem') };
  const ask = (index: number) => knotWith(more, 'files', 'get', `private:/f${index}`, 'evil-target');
  for (const answer of await Promise.all([0, 1, 2, 3, 4].map(ask))) {
    t.match(answer, { status: 1, stderr: /KNOT_FILES_NAME/ }, answer.stderr);
  }
  t.notOk(existsSync(at('evil-target')));
});

t.test('a token comes by the environment or a file, and goes only to the address that was named', async (t) => {
  writeFileSync(at('token'), `${token}\n`);
  const reads = { KNOT_TOKEN: await tokenFor('files:read:private') };
  const ls = ['files', 'ls', 'private:/'];
  const cases: [what: string, more: Record<string, string>, args: string[], expected: object][] = [
    ['nothing', { KNOT_TOKEN: '', KNOT_URL: '' }, ls, { status: 1, stderr: /knot login[^]*--as USER/ }],
    ['no address', { KNOT_URL: '' }, ls, { status: 2, stderr: /KNOT_URL/ }],
    ['a file', { KNOT_TOKEN: '', KNOT_TOKEN_FILE: at('token') }, ls, { status: 0 }],
    ['no token', { KNOT_TOKEN: 'something' }, ls, { status: 1, stderr: /KNOT_CLI_TOKEN/ }],
    ['a wrong one', { KNOT_TOKEN: `knot_pat_${'0'.repeat(42)}` }, ls, { status: 1, stderr: /KNOT_API_TOKEN/ }],
    ['both sides', {}, [...ls, '--as', 'ann', '--at', 'https://x'], { status: 2, stderr: /--as/ }],
    ['within its scope', reads, ls, { status: 0 }],
    ['to write', reads, ['files', 'rm', 'private:/large'], { status: 1, stderr: /files:write/ }],
    ['another area', reads, ['files', 'ls', 'shared:/'], { status: 1, stderr: /files:read:shared/ }],
    ['tokens', reads, ['token', 'list'], { status: 1, stderr: /KNOT_API_TOKEN_SCOPE/ }],
  ];
  await Promise.all(
    cases.map(async ([what, more, args, expected]) => t.match(await knotWith(more, ...args), expected, what)),
  );
});

t.test('curl with a token, as the documentation has it', async (t) => {
  if (spawnSync('curl', ['--version']).error) return t.comment('there is no curl');
  const curl = (secret: string, path: string, ...args: string[]) => {
    const auth = ['--cacert', gateway.caFile, '-H', `Authorization: Bearer ${secret}`];
    const shown = execFileSync('curl', [
      '-s',
      '-w',
      '\n%{http_code}',
      ...auth,
      ...args,
      `${gateway.origin}/api/v1${path}`,
    ]);
    const [, body = '', status] = /^([^]*)\n(\d{3})$/.exec(shown.toString()) ?? [];
    return { status: Number(status), body };
  };
  t.match(curl(token, '/files/private/one'), { status: 200, body: /"name":"own"/ });
  t.match(curl(token, '/files/private/one/own', '-r', '1-2'), { status: 206, body: 'wn' });
  const { etag } = JSON.parse(curl(token, '/files/private/one/own', '-T', at('own')).body) as { etag: string };
  t.equal(curl(token, '/files/private/one/own', '-T', at('own'), '-H', 'If-Match: "x"').status, 412);
  t.equal(curl(token, '/files/private/one/own', '-T', at('own'), '-H', `If-Match: ${etag}`).status, 200);
  t.equal(curl(token, '/areas').status, 200);
  const reads = await tokenFor('files:read:private');
  for (const [secret, path, scope, ...args] of [
    [reads, '/files/private/one/own', 'files:write', '-T', at('own')],
    [reads, '/files/private/one/own', 'files:write', '-X', 'DELETE'],
    [reads, '/files/shared', 'files:read:shared'],
    [token, '/me', 'account:read'],
    [token, '/teams', 'teams:read'],
    [token, '/shares', 'shares:read'],
    [token, '/users', 'admin:read'],
  ] as const) {
    const answer = curl(secret, path, ...args);
    t.match(answer, { status: 403, body: /KNOT_API_TOKEN_SCOPE/ }, `${path}: ${JSON.stringify(answer)}`);
    t.ok(answer.body.includes(scope), scope);
  }
});
