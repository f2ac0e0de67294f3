import t from 'tap';
import { openHouse } from './house.ts';

const navigation = (dest: string) => ({ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': dest, accept: 'text/html' });

t.test(
  'whom a browser leads to the API sees a page of the error, wherever it is shown, and is sent nowhere',
  async (t) => {
    const house = await openHouse(t);
    const url = '/files/private/a%20b.pdf?download=1';
    for (const dest of ['document', 'iframe', 'frame', 'embed', 'object']) {
      const answer = await house.call({ url, headers: navigation(dest) });
      t.match(answer, { status: 401, headers: { 'content-type': 'text/html; charset=utf-8' } }, dest);
      t.notOk(answer.headers['location']);
      t.match(answer.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
      t.match(answer.text, /<h1>Not signed in<\/h1>[^]*KNOT_API_SIGN_IN/);
      const next = encodeURIComponent(`/api/v1${url}`);
      t.match(answer.text, `href="/login?next=${next}"`, 'and can come back');
    }
    const old = await house.call({ url, headers: { accept: 'text/html,*/*', 'sec-fetch-site': '' } });
    t.match(old.text, /<h1>Not signed in<\/h1>/, 'a browser that does not say what it does');
  },
);

t.test('what a refusal and a missing file say stands on the page, escaped', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('bob');
  const denied = await house.call({ url: '/users', cookie, headers: navigation('document') });
  t.equal(denied.status, 403);
  t.match(denied.text, /<h1>Not allowed<\/h1>[^]*<dt>Decision<\/dt>\s*<dd>[\da-z]{16}<\/dd>/);
  const missing = await house.call({ url: '/files/private/%3Cimg%20src=x%3E', cookie, headers: navigation('iframe') });
  t.equal(missing.status, 404);
  t.match(missing.text, /<h1>Not found<\/h1>/);
  t.notMatch(missing.text, '<img');
});

t.test('a program gets JSON: scripts, event streams, command lines', async (t) => {
  const house = await openHouse(t);
  for (const headers of [
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: 'text/html' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', accept: 'image/*' },
    { 'sec-fetch-site': '', accept: '*/*' },
    { 'sec-fetch-site': '', authorization: 'Bearer knot_pat_none', accept: 'application/json' },
  ] as Record<string, string>[]) {
    const answer = await house.call({ url: '/me', headers });
    t.match(answer, { status: 401, headers: { 'content-type': /^application\/json/ } }, JSON.stringify(headers));
  }
});
