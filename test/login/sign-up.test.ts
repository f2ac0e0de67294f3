import t, { type Test } from 'tap';
import type { MailMessage } from '../../gateway/mail/index.ts';
import { createFixture, type Fixture, password, type Settings } from './fixture.ts';

const admin = { name: 'admin' };
const other = { username: 'carla', email: 'carla@example.org', password };

/** Ann has an account; `sent` is what went to mailboxes. */
async function given(t: Test, signUp: 'open' | 'approval', { hasMail, login }: { hasMail: boolean } & Settings) {
  const sent: MailMessage[] = [];
  const mail = { isConfigured: true, send: async (message: MailMessage) => void sent.push(message) };
  const fixture = await createFixture(t, {
    signUp,
    login: { attemptsPerAddress: 100, ...login },
    ...(hasMail && { options: { mail } }),
  });
  await fixture.addUser('ann');
  await fixture.addAdmin();
  return { ...fixture, sent };
}

const shapeOf = ({ status, location, body, headers }: Awaited<ReturnType<Fixture['post']>>) =>
  JSON.stringify([status, location, body, headers['set-cookie']]);

const probes: [string, Partial<typeof other>][] = [
  ['both free', {}],
  ['the name taken', { username: 'ann' }],
  ['the address taken', { email: 'Ann@Example.org' }],
  ['both taken', { username: 'ann', email: 'ann@example.org' }],
  ['a look-alike', { username: 'arnn' }],
];

for (const hasMail of [true, false]) {
  t.test(`approval ${hasMail ? 'with' : 'without'} mail: the answer is the same whoever has an account`, async (t) => {
    const { post, get } = await given(t, 'approval', { hasMail });
    const shapes = [];
    for (const [, probe] of probes) shapes.push(shapeOf(await post('/signup', { ...other, ...probe })));
    t.strictSame([...new Set(shapes)], [shapes[0]]);
    t.match(shapes[0], '/signup/pending');
    t.match((await get('/signup/pending')).body, 'Waiting for approval');
  });
}

t.test('approval with mail: the mailbox is told what became of it', async (t) => {
  const { post, sent, accounts } = await given(t, 'approval', { hasMail: true });
  await post('/signup', other);
  await post('/signup', { ...other, email: 'ann@example.org' });
  await post('/signup', { ...other, username: 'ann', email: 'dora@example.org' });
  t.match(sent, [
    { to: 'carla@example.org', subject: /waits for approval/, text: /username carla/ },
    { to: 'ann@example.org', subject: /You have an account/, text: /username is ann/ },
    { to: 'dora@example.org', subject: /another username/, text: /name ann cannot be given/ },
  ]);
  t.notMatch(JSON.stringify(sent), password);
  t.equal((await accounts.listUsers({ state: 'pending' })).total, 1, 'only what can become an account waits');
});

t.test('approval without mail: the admin is told on approving', async (t) => {
  const { post, accounts } = await given(t, 'approval', { hasMail: false });
  await post('/signup', { ...other, username: 'ann' });
  const [waiting] = (await accounts.listUsers({ state: 'pending' })).users;
  t.match(waiting, { username: 'ann', email: 'carla@example.org' });
  await t.rejects(accounts.setState(waiting!.id, 'active', admin), { code: 'KNOT_ACCOUNTS_NAME_TAKEN' });
});

t.test('open with mail: a link goes to the mailbox, and nothing is said on the page', async (t) => {
  const { get, post, sent, accounts } = await given(t, 'open', { hasMail: true });
  const form = (await get('/signup')).body;
  t.match(form, 'name="email"');
  t.notMatch(form, /name="(username|password)"/);
  const answers = [];
  for (const email of ['carla@example.org', 'ann@example.org']) answers.push(await post('/signup', { email }));
  t.equal(shapeOf(answers[0]!), shapeOf(answers[1]!));
  t.equal(answers[0]!.location, '/signup/sent');
  t.match((await get('/signup/sent')).body, 'Look into your mailbox');
  t.match(sent, [
    { to: 'carla@example.org', text: /https:\/\/localhost:8443\/invite\/[\w-]{43}/ },
    { to: 'ann@example.org', text: /username is ann/ },
  ]);
  const token = /invite\/([\w-]{43})/.exec(sent[0]!.text)![1]!;
  const made = await post('/invite', { token, username: 'carla', email: 'evil@example.org', password });
  t.equal(made.location, '/');
  t.match(await accounts.findUserByName('carla'), { state: 'active', isAdmin: false, email: 'carla@example.org' });
  t.match((await post('/signup', { email: 'nonsense' })).body, 'This is not an e-mail address');
});

t.test('nobody fills a mailbox with sign-ups', async (t) => {
  for (const signUp of ['open', 'approval'] as const) {
    const { post, sent, accounts } = await given(t, signUp, { hasMail: true });
    const statuses = new Set<number>();
    for (let n = 0; n < 12; n += 1) {
      const email = n % 2 ? 'ANN@example.org' : 'ann@example.org';
      statuses.add((await post('/signup', { ...other, email })).status);
    }
    t.strictSame([...statuses], [303], 'said to nobody');
    t.equal(sent.length, 3);
    t.equal((await accounts.listLinks()).length, 0);
  }
});

t.test('a mail that cannot be sent changes nothing for who signs up', async (t) => {
  const mail = { isConfigured: true, send: async () => Promise.reject(new Error('no route to 10.0.0.7')) };
  const { post, addAdmin } = await createFixture(t, { options: { mail } });
  await addAdmin();
  t.equal((await post('/signup', other)).location, '/signup/pending');
});

t.test(
  'sign-up, setup, invitation and reset say everything at once, at the fields, with the least length',
  async (t) => {
    const { post, get, accounts, addUser, addAdmin } = await createFixture(t, { login: { attemptsPerAddress: 100 } });
    const nothing = await accounts.createLink({ kind: 'setup', lifetimeSeconds: 60 }, admin);
    const userId = await addUser('ann');
    const invitation = await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 60 }, admin);
    const reset = await accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 60 }, admin);
    for (const [path, token, fields] of [
      ['/setup', nothing.token, ['username', 'email', 'password']],
      ['/signup', '', ['username', 'email', 'password']],
      ['/invite', invitation.token, ['username', 'email', 'password']],
      ['/reset', reset.token, ['password']],
    ] as const) {
      if (path === '/signup') await addAdmin();
      const form = await get(token === '' ? path : `${path}/${token}`);
      t.match(form.body, /<form [^>]*novalidate/, `${path}: the browser does not stop at the first`);
      t.match(form.body, 'At least 10 characters');
      const answer = await post(path, { token, username: '', email: 'no', password: 'short' });
      t.equal(answer.status, 400, path);
      for (const field of fields) t.match(answer.body, `id="${field}-error"`, `${path} ${field}`);
      t.match(answer.body, 'at least 10 characters');
      t.notMatch(answer.body, 'id="password-hint"', 'said once');
    }
    t.match((await post('/reset', { token: reset.token, password })).body, 'This is the present password.');
  },
);

t.test('between signing in and a new account one goes by the address of the page itself, and comes back', async (t) => {
  const { get, addAdmin } = await createFixture(t, { signUp: 'approval' });
  await addAdmin();
  const next = encodeURIComponent('https://jupyterhub.localhost:8443/hub?x=1');
  for (const [from, to, label] of [
    ['login', 'signup', 'Create an account'],
    ['signup', 'login', 'Sign in'],
    ['signup/pending', 'login', 'Back to sign in'],
    ['signup/sent', 'login', 'Back to sign in'],
  ] as const) {
    const page = await get(`/${from}?next=${next}`);
    t.match(
      page.body,
      new RegExp(`<form method="get"[^>]*>[^]*name="to" value="${to}"[^]*${label}\\s*</button>`),
      from,
    );
    const turned = await get(`/${from}?to=${to}&next=${next}`);
    t.match(
      turned,
      { status: 303, location: `/${to}?next=${next}` },
      `${from}: its fragment goes along with a redirect`,
    );
    t.match(await get(`/${from}?to=//evil.example&next=${next}`), { status: 200 }, 'to no other place');
  }
});
