import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';

/** RFC 8628 with the client of the command line: what a terminal asks, what a person sees, what the terminal then has. */
const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

async function open(test: Teardown) {
  const house = await openHouse(test);
  const ann = await house.person('ann');
  const browser = house.browser();
  const post = async (path: string, form: Record<string, string>) => {
    const answer = await house.fetch(`${house.issuer}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'knot-cli <b>linux</b>' },
      body: new URLSearchParams({ client_id: 'knot-cli', ...form }).toString(),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, string> };
  };
  const ask = async () => (await post('/device/auth', { scope: 'openid offline_access' })).body;
  const poll = (code: string) => post('/token', { grant_type: grantType, device_code: code });
  const fieldsOf = (text: string) =>
    Object.fromEntries([...text.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));
  /** Types a code and answers the page that asks. */
  async function enter(code: string, answer: 'allow' | 'deny' = 'allow') {
    const first = await browser.go(`${house.issuer}/device`);
    const { xsrf = '' } = fieldsOf(first.text);
    const confirm = await browser.request(`${house.issuer}/device`, { form: { xsrf, user_code: code } });
    if (!confirm.text.includes('name="confirm"')) return { confirm, last: confirm };
    const { abort: _abort, ...form } = fieldsOf(confirm.text);
    let last = await browser.request(`${house.issuer}/device`, {
      form: { ...form, ...(answer === 'deny' && { abort: 'yes' }) },
    });
    if (last.location !== undefined) last = await browser.go(last.location, (url) => url.includes('/login'));
    return { confirm, last };
  }
  return { house, ann, browser, post, ask, poll, enter };
}

t.test('a person who is signed in lets a terminal in, which then has tokens that it can renew', async (t) => {
  const { house, ann, browser, ask, poll, enter, post } = await open(t);
  await house.signIn(browser, ann);
  const asked = await ask();
  t.match(asked, {
    user_code: /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/,
    verification_uri: `${house.issuer}/device`,
    expires_in: 600,
  });
  t.match(await poll(asked['device_code']!), { status: 400, body: { error: 'authorization_pending' } });
  const { confirm, last } = await enter(asked['user_code']!.toLowerCase().replace('-', ' '));
  t.match(confirm.text, /Let Knot on the command line in\?/);
  t.match(confirm.text, /as <strong>ann<\/strong>/);
  t.ok(confirm.text.includes(asked['user_code']!), 'the code is shown to be compared');
  t.match(confirm.text, /127\.0\.0\.1/, 'from where');
  t.notMatch(confirm.text, /<b>linux/, 'what the program calls itself is text');
  t.match(confirm.text, /If somebody sent you this code/);
  t.match(confirm.headers.get('content-security-policy'), /frame-ancestors 'none'/);
  t.match(last.text, /Your terminal is signed in/);
  const { status, body } = await poll(asked['device_code']!);
  t.equal(status, 200, JSON.stringify(body));
  t.ok(body['refresh_token']);
  const me = await house.oidc.identifyAccess(body['access_token']!, '127.0.0.1');
  t.match(me, { principal: { username: 'ann' } });
  t.equal(me!.token!.allows('files', 'write'), true);
  t.equal(me!.token!.allows('admin', 'read'), false);
  const entries = await house.audit.list({ limit: 5 });
  t.match(
    entries.find(({ action }) => action === 'device.allowed'),
    { actor: 'ann', subject: 'client:knot-cli', detail: { from: /127/ } },
  );
  t.match(
    await house.connections.list(ann.id),
    [{ clientId: 'knot-cli', isOffline: true }],
    'it is a connected application',
  );
  await house.connections.end(ann.id, 'knot-cli', { actor: 'ann', reason: 'test' });
  t.equal(await house.oidc.identifyAccess(body['access_token']!, '127.0.0.1'), undefined, 'which ends at once');
  t.equal((await post('/token', { grant_type: 'refresh_token', refresh_token: body['refresh_token']! })).status, 400);
});

t.test('a code that is used twice ends what was made of it', async (t) => {
  const { house, ann, browser, ask, poll, enter } = await open(t);
  await house.signIn(browser, ann);
  const asked = await ask();
  await enter(asked['user_code']!);
  const { body } = await poll(asked['device_code']!);
  t.ok(await house.oidc.identifyAccess(body['access_token']!, '127.0.0.1'));
  t.match(await poll(asked['device_code']!), { status: 400, body: { error: 'invalid_grant' } });
  t.equal(await house.oidc.identifyAccess(body['access_token']!, '127.0.0.1'), undefined);
});

t.test('renewing goes on past the sign-in in the browser, and ends with the account', async (t) => {
  const { house, ann, browser, ask, poll, enter, post } = await open(t);
  const session = await house.signIn(browser, ann);
  const asked = await ask();
  await enter(asked['user_code']!);
  const first = (await poll(asked['device_code']!)).body;
  await house.sessions.end(session.id, { actor: 'ann', reason: 'signed_out' });
  const renew = (token: string) => post('/token', { grant_type: 'refresh_token', refresh_token: token });
  const second = await renew(first['refresh_token']!);
  t.equal(second.status, 200, JSON.stringify(second.body));
  t.not(second.body['refresh_token'], first['refresh_token'], 'a public client gets another each time');
  t.match(await house.oidc.identifyAccess(second.body['access_token']!, '127.0.0.1'), {
    principal: { username: 'ann' },
  });
  await house.accounts.setState(ann.id, 'disabled', { name: 'test' });
  t.equal(await house.oidc.identifyAccess(second.body['access_token']!, '127.0.0.1'), undefined);
  t.equal((await renew(second.body['refresh_token']!)).status, 400);
});

t.test('who is not signed in signs in first; who says no gives nothing', async (t) => {
  const { house, ann, browser, ask, poll, enter } = await open(t);
  const asked = await ask();
  const { confirm, last } = await enter(asked['user_code']!);
  t.match(confirm.text, /whoever signs in on the next page/);
  t.match(last.location, /\/login\?/, 'the sign-in page comes next');
  t.match(await poll(asked['device_code']!), { status: 400 });
  await house.signIn(browser, ann);
  const other = await ask();
  const denied = await enter(other['user_code']!, 'deny');
  t.match(denied.last.text, /Nothing was allowed/);
  t.match(await poll(other['device_code']!), { status: 400, body: { error: 'access_denied' } });
  t.same(await house.connections.list(ann.id), []);
});

t.test('codes that are wrong, used or over are told so; guessing them is stopped for a network', async (t) => {
  const { house, ann, browser, ask, enter } = await open(t);
  await house.signIn(browser, ann);
  t.match((await enter('')).last.text, /Enter the code that your terminal shows/);
  const asked = await ask();
  await enter(asked['user_code']!);
  t.match((await enter(asked['user_code']!)).last.text, /has been used/);
  for (let round = 0; round < 10; round += 1) {
    const { last } = await enter('BBBB-BBBB');
    t.equal(last.status, 400);
    t.match(last.text, /There is no such code/);
  }
  const { last } = await enter('BBBB-BBBB');
  t.equal(last.status, 429);
  t.match(last.text, /Too many wrong codes/);
  t.ok(Number(last.headers.get('retry-after')) > 0);
});

t.test('a code is confirmed by the browser that entered it, and by nobody from elsewhere', async (t) => {
  const { house, ann, browser, ask, poll } = await open(t);
  await house.signIn(browser, ann);
  await browser.go(`${house.issuer}/device`);
  const asked = await ask();
  const forged = await browser.request(`${house.issuer}/device`, {
    form: { xsrf: 'x'.repeat(20), user_code: asked['user_code']!, confirm: 'yes' },
  });
  t.notMatch(forged.text, /signed in/);
  t.match(await poll(asked['device_code']!), { status: 400, body: { error: 'authorization_pending' } });
});

t.test('asking for codes is bounded, and no other client may use them', async (t) => {
  const { house, post, browser, ann } = await open(t);
  await house.signIn(browser, ann);
  t.match(await post('/device/auth', { client_id: 'jupyterhub', scope: 'openid' }), { status: 401 });
  for (const bad of ['abc', 'x'.repeat(43), '']) t.equal(await house.oidc.identifyAccess(bad, '192.0.2.1'), undefined);
  let last = 200;
  for (let round = 0; round < 62; round += 1) last = (await post('/device/auth', { scope: 'openid' })).status;
  t.equal(last, 429);
});

t.test('what an application was given to know somebody opens nothing in Knot', async (t) => {
  const { house, ann, browser } = await open(t);
  await house.signIn(browser, ann);
  const { createRelyingParty } = await import('./support/relying-party.ts');
  const tokens = await createRelyingParty(house).tokens(browser);
  t.ok(tokens.access_token);
  t.equal(await house.oidc.identifyAccess(tokens.access_token!, '127.0.0.1'), undefined);
});
