import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import t from 'tap';
import type { Identity } from '../../gateway/lib/index.ts';
import { uiRoutes } from '../../gateway/ui/index.ts';

const page =
  "<!doctype html><meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; script-src 'self' 'sha256-abc'\"><h1>Knot</h1>";

function writeBuild(folder: string): void {
  mkdirSync(join(folder, '_app/immutable'), { recursive: true });
  writeFileSync(join(folder, '_app/immutable/a.js'), 'let a = 1;');
  writeFileSync(join(folder, '_app/immutable/a.js.br'), brotliCompressSync('let a = 1;'));
  writeFileSync(join(folder, 'theme.js'), 'theme');
  writeFileSync(join(folder, '200.html'), page);
}

async function gateway(t: { teardown(act: () => unknown): void }, folder: string): Promise<FastifyInstance> {
  const app = Fastify();
  t.teardown(() => app.close());
  app.get('/healthz', () => 'ok');
  await app.register(uiRoutes, {
    folder,
    identify: async (cookie, host) => (cookie === 'ann' && host === '' ? ({} as Identity) : undefined),
    signInPage: async ({ url }) => `/login?next=${encodeURIComponent(url)}`,
  });
  return app;
}

const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };
const signedIn = { ...navigation, cookie: 'ann' };

t.test('every address of the dashboard is its one page, never stored', async (t) => {
  const folder = t.testdir({});
  writeBuild(folder);
  const app = await gateway(t, folder);
  for (const url of ['/', '/admin/users?page=2', '/200.html', '/index.html', '/admin/a.b']) {
    const answer = await app.inject({ url, headers: signedIn });
    t.equal(answer.statusCode, 200, url);
    t.equal(answer.body, page, url);
    t.equal(answer.headers['cache-control'], 'no-store', url);
  }
});

t.test('the page carries the policy of the build and what only a header can say', async (t) => {
  const folder = t.testdir({});
  writeBuild(folder);
  const app = await gateway(t, folder);
  const { headers } = await app.inject({ url: '/', headers: signedIn });
  t.match(headers['content-security-policy'], "script-src 'self' 'sha256-abc'");
  t.match(headers['content-security-policy'], "frame-ancestors 'none'");
  t.notMatch(headers['content-security-policy'], /unsafe-(inline|eval)/);
  t.match(headers, {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  });
});

t.test('who is not signed in sees nothing of the dashboard but goes to sign in and comes back', async (t) => {
  const folder = t.testdir({});
  writeBuild(folder);
  const app = await gateway(t, folder);
  const answer = await app.inject({ url: '/admin/users?page=2&search=a%26b', headers: navigation });
  t.equal(answer.statusCode, 303);
  t.equal(answer.headers.location, '/login?next=%2Fadmin%2Fusers%3Fpage%3D2%26search%3Da%2526b');
  t.equal(answer.headers['cache-control'], 'no-store');
  t.notMatch(answer.body, 'Knot');
  const byFileName = await app.inject({ url: '/200.html', headers: navigation });
  t.equal(byFileName.statusCode, 303, 'nor under the name of its file');
});

t.test('files with a hash in their name stay a year, others are asked for again', async (t) => {
  const folder = t.testdir({});
  writeBuild(folder);
  const app = await gateway(t, folder);
  const script = await app.inject({ url: '/_app/immutable/a.js' });
  t.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable');
  t.equal(script.headers['content-encoding'], undefined);
  const compressed = await app.inject({ url: '/_app/immutable/a.js', headers: { 'accept-encoding': 'br, gzip' } });
  t.equal(compressed.headers['content-encoding'], 'br');
  t.match(compressed.headers['content-type'], 'javascript');
  t.match(compressed.headers.vary, /accept-encoding/i);
  t.equal(compressed.headers['cache-control'], 'public, max-age=31536000, immutable');
  t.equal((await app.inject({ url: '/theme.js' })).headers['cache-control'], 'no-cache');
});

t.test('what programs ask for and nobody has is a 404, never a page', async (t) => {
  const folder = t.testdir({});
  writeBuild(folder);
  const app = await gateway(t, folder);
  const asked = [
    { url: '/api/v1/nothing', headers: signedIn },
    { url: '/_app/immutable/old.js', headers: signedIn },
    { url: '/.well-known/nothing', headers: signedIn },
    { url: '/picture.png', headers: { 'sec-fetch-mode': 'no-cors', accept: 'image/*' } },
    { url: '/something', headers: { accept: 'application/json' } },
  ];
  for (const request of asked) {
    const answer = await app.inject(request);
    t.equal(answer.statusCode, 404, request.url);
    t.equal(answer.json().code, 'KNOT_UI_NOT_FOUND', request.url);
  }
  t.equal((await app.inject({ url: '/healthz' })).body, 'ok', 'other routes keep their paths');
});

t.test('no path leaves the folder, and compressed siblings are no files of their own', async (t) => {
  const folder = t.testdir({ build: {}, 'secret.txt': 'secret' });
  writeBuild(join(folder, 'build'));
  const app = await gateway(t, join(folder, 'build'));
  const paths = [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/_app/../../secret.txt',
    '/_app/immutable/a.js.br',
  ];
  for (const url of paths) {
    const answer = await app.inject({ url, headers: { accept: '*/*' } });
    t.equal(answer.statusCode, 404, url);
    t.notMatch(answer.body, 'secret"', url);
  }
});

t.test('a missing build is a calm page that says what to run, and building needs no restart', async (t) => {
  const folder = join(t.testdir({}), 'build');
  const app = await gateway(t, folder);
  const missing = await app.inject({ url: '/', headers: navigation });
  t.equal(missing.statusCode, 503);
  t.match(missing.body, 'npm run build');
  t.match(missing.headers['content-type'], 'text/html');
  writeBuild(folder);
  t.equal((await app.inject({ url: '/', headers: signedIn })).statusCode, 200);
  rmSync(folder, { recursive: true });
  t.equal((await app.inject({ url: '/', headers: signedIn })).statusCode, 503);
});
