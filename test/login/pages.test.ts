import t from 'tap';
import { type Accounts } from '../../gateway/accounts/index.ts';
import { createFixture, password } from './fixture.ts';

const wrong = 'a wrong password';

t.test('an error of ours says nothing but its id', async (t) => {
  const { post } = await createFixture(t, {
    options: {
      accounts: {
        verifyPassword: async () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432')),
      } as unknown as Accounts,
    },
  });
  const answer = await post('/login', { username: 'ann', password });
  t.equal(answer.status, 500);
  t.notMatch(answer.body, /ECONNREFUSED|10\.0\.0\.7/);
  t.match(answer.body, 'KNOT_INTERNAL');
});

t.test('every page carries the headers that protect it (C9)', async (t) => {
  const { get, post, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const answers = [
    await get('/login'),
    await get('/signup'),
    await get('/signup/pending'),
    await get('/setup/x'),
    await get('/logout', cookie),
    await get('/login/handoff?to=x&binding=y'),
    await get('/ca.pem'),
    await post('/login', { username: 'ann', password: wrong }),
    await post('/login', {}, { origin: 'https://evil.test' }),
  ];
  for (const { headers, body } of answers) {
    t.equal(headers['cache-control'], 'no-store');
    t.equal(headers['x-content-type-options'], 'nosniff');
    t.equal(headers['x-frame-options'], 'DENY');
    t.match(headers['content-security-policy'], "frame-ancestors 'none'");
    t.notMatch(headers['content-security-policy'], 'unsafe');
    t.notMatch(body, /<script|\son\w+=|style="/i);
    t.match(body, /<title>[^<]+ · Knot<\/title>/);
    t.equal(body.match(/<h1>/g)?.length, 1);
    t.ok(Buffer.byteLength(body) <= 20_000, `${Buffer.byteLength(body)} bytes`);
  }
});

t.test('what is typed or linked cannot become markup (R7)', async (t) => {
  const { get, post } = await createFixture(t);
  const evil = `"><script>alert(1)</script><a href='`;
  const answers = [
    await post('/login', { username: evil, password: wrong, next: `/${evil}` }),
    await get(`/login?next=${encodeURIComponent(`/x${evil}`)}&note=${encodeURIComponent(evil)}`),
    await post('/signup', { username: evil, email: evil, password }),
    await get(`/login/handoff?to=${encodeURIComponent(evil)}&binding=${encodeURIComponent(evil)}`),
    await get(`/setup?token=${encodeURIComponent(evil)}`),
  ];
  for (const { body } of answers) t.notMatch(body, /<script|<a href='/);
  t.match(answers[0]!.body, '&quot;&gt;&lt;script&gt;');
});

t.test('the certificate authority can be fetched when it is our own', async (t) => {
  const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
  const own = await createFixture(t, { caPem: pem });
  const answer = await own.get('/ca.pem');
  t.equal(answer.status, 200);
  t.equal(answer.body, pem);
  t.match(answer.headers['content-type'], 'application/x-x509-ca-cert');
  t.match(answer.headers['content-disposition'], 'attachment');
  t.match((await own.get('/login')).body, 'href="/ca.pem"');
  const given = await createFixture(t);
  t.equal((await given.get('/ca.pem')).status, 404);
  t.notMatch((await given.get('/login')).body, 'ca.pem');
});
