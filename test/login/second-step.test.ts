import { createHash } from 'node:crypto';
import t from 'tap';
import { pageHeadersWith, pageScript } from '../../gateway/lib/index.ts';
import { createFixture } from './fixture.ts';

const scriptsOf = (body: string) => [...body.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map(([, text]) => text!);
const policyOf = (answer: { headers: Record<string, unknown> }) => String(answer.headers['content-security-policy']);

t.test('the page of a second step may run the one script it holds, and nothing else', async (t) => {
  const { app, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const ask = (url: string, more: object = {}) =>
    app.inject({ url, headers: { cookie, host: 'localhost:8443' }, ...more } as never);
  const page = await ask('/login?reauthenticate=1');
  const [script, ...others] = scriptsOf(page.body);
  t.same(others, []);
  const hash = createHash('sha256').update(script!).digest('base64');
  const directives = policyOf(page).split('; ');
  t.match(directives, [
    "default-src 'none'",
    /^style-src 'sha256-/,
    "img-src 'self' data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `script-src 'sha256-${hash}'`,
    "require-trusted-types-for 'script'",
  ]);
  t.equal(directives.length, 7, 'no place a script could be fetched from, and none it could send to');
  t.notMatch(page.body, / on[a-z]+=|javascript:/i);
  t.match(
    page.body,
    /<form method="post"[^]*name="password"[^]*<button[^>]*type="submit"/,
    'a form that needs no script',
  );

  const refused = await ask('/login?reauthenticate=1', {
    method: 'POST',
    headers: {
      cookie,
      host: 'localhost:8443',
      origin: 'https://localhost:8443',
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: 'username=ann&password=wrong',
  });
  t.equal(refused.statusCode, 401);
  t.same(scriptsOf(refused.body), [script], 'the same page again');
  t.equal(policyOf(refused), policyOf(page));
});

t.test('no other page before sign-in runs a script', async (t) => {
  const { app, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  for (const [url, cookies] of [
    ['/login'],
    ['/login?reauthenticate=1'],
    ['/login?switch=1', cookie],
    ['/login/account', cookie],
    ['/signup'],
    ['/invite/nothing-of-that-name'],
    ['/logout', cookie],
  ] as const) {
    const page = await app.inject({
      url,
      headers: { host: 'localhost:8443', ...(cookies ? { cookie: cookies } : {}) },
    });
    t.same(scriptsOf(page.body), [], url);
    t.notMatch(policyOf(page), 'script-src', url);
  }
});

t.test('a script that would end its element early is refused when the program starts', async (t) => {
  for (const text of ['const a = "</script>";', '<!-- x', 'document.write("<SCRIPT>")']) {
    t.throws(() => pageScript(text), /cannot hold/);
  }
  const script = pageScript('1;');
  t.match(pageHeadersWith(script)['content-security-policy'], script.source);
});
