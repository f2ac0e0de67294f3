import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { openGateway } from '../proxy/fixture.ts';
import { openRaw, sendRaw } from '../support/net/raw-client.ts';

/** Host header attacks (catalogue T) on an installation with two domains: the tools below `localhost`, services below `apps.test`. */

const host = 'web-ann.apps.test';

async function openHouse(t: Parameters<typeof openGateway>[0]) {
  const gateway = await openGateway(t, { appsDomain: 'apps.test' });
  await gateway.routes.put({
    ...{ ...gateway.open, host, name: 'web-ann', kind: 'service', title: 'web' },
    service: { id: 's', label: 'web', owner: 'ann', isTeam: false },
  });
  const { cookie } = await gateway.signIn(host);
  const send = (bytes: string) => sendRaw({ ...gateway.raw, servername: host }, bytes);
  return { ...gateway, cookie, send };
}

const get = (fields: string, cookie: string, target = '/x'): string =>
  `GET ${target} HTTP/1.1\r\n${fields}Cookie: ${cookie}\r\nConnection: close\r\n\r\n`;

t.test('only the exact host of a service leads to it', async (t) => {
  const { send, cookie, recorder, entries, signIn } = await openHouse(t);
  const refused: [fields: string, reason: string][] = [
    ['Host: apps.test', 'unknown_host'],
    ['Host: nothing.apps.test', 'unknown_host'],
    // The label of an application, and one that a tool may have.
    ['Host: echo.apps.test', 'unknown_host'],
    ['Host: jupyterhub.apps.test', 'unknown_host'],
    ['Host: localhost.apps.test', 'unknown_host'],
    ['Host: a.web-ann.apps.test', 'unknown_host'],
    ['Host: web-ann.localhost', 'unknown_host'],
    ['Host: web-ann.apps.test.localhost', 'unknown_host'],
    ['Host: web-ann.localhost.apps.test', 'unknown_host'],
    ['Host: web-ann.evilapps.test', 'misdirected'],
    ['Host: evilapps.test', 'misdirected'],
    ['Host: web-ann.apps.test.evil', 'misdirected'],
    ['Host: test', 'misdirected'],
    ['Host: web-ann', 'misdirected'],
    ['Host: web-ann.apps.test.', 'host_syntax'],
    ['Host: web-ann.apps.test@localhost', 'host_syntax'],
    ['Host: web-ann.apps.test, localhost', 'host_syntax'],
    ['Host: web-ann..apps.test', 'host_syntax'],
    ['Host: web-ann.apps.test\r\nHost: localhost', 'host_repeated'],
    ['Host: localhost\r\nHost: web-ann.apps.test', 'host_repeated'],
  ];
  for (const [fields, reason] of refused) {
    const answer = await send(get(`${fields}\r\n`, cookie));
    t.ok([400, 404, 421].includes(answer.status), `${fields} is refused (${answer.status})`);
    t.equal(entries.at(-1)?.reason, reason, fields);
  }
  for (const [name, sent] of [
    ['a session of an application', (await signIn()).cookie],
    ['a session of the same label at the old domain', (await signIn('web-ann.localhost')).cookie],
    ['a session of another service', (await signIn('lab-ann.apps.test')).cookie],
  ] as const)
    t.equal((await send(get(`Host: ${host}\r\n`, sent))).status, 401, name);
  t.equal(recorder.requests.length, 0, 'nothing of it reached a program');

  const own = (await signIn()).cookie;
  t.equal((await send(get('Host: echo.localhost\r\n', own))).status, 200, 'a tool stays where it is');
  for (const fields of [`Host: ${host}`, 'Host: WEB-ANN.Apps.Test', `Host: ${host}:8443`])
    t.equal((await send(get(`${fields}\r\n`, cookie))).status, 200, fields);
  t.equal(recorder.requests.length, 4);
});

t.test('no field of a request leads from one domain to the other', async (t) => {
  const { send, cookie, recorder, entries } = await openHouse(t);
  for (const fields of [
    'X-Forwarded-Host: localhost',
    'Forwarded: host=localhost',
    'X-Original-Host: echo.localhost',
  ]) {
    t.equal((await send(get(`Host: ${host}\r\n${fields}\r\n`, cookie, '/api/v1/me'))).status, 200, fields);
    t.equal(recorder.requests.at(-1)?.target, '/api/v1/me', 'a path of Knot is a path of the program there');
  }
  const ofService = () => entries.filter(({ route, status }) => route === 'web-ann' && status === 200).length;
  await eventually('each was one of the service', () => ofService() === 3);
  const absolute = `GET https://localhost/api/v1/me HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`;
  t.equal((await send(absolute)).status, 400);
  t.notOk(
    entries.some(({ route }) => route === 'main'),
    'Knot itself answers nothing there',
  );
  for (const target of ['/.knot/login', '/.knot/callback', '/.knot/x/../../login'])
    t.not((await send(get(`Host: ${host}\r\n`, cookie, target))).status, 200, target);
  for (const origin of ['https://localhost', 'https://web-ann.localhost', 'https://apps.test', 'null']) {
    const post = `POST /x HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    t.equal((await send(post)).status, 403, origin);
  }
});

t.test('a service sets no cookie for either domain', async (t) => {
  const { send, cookie, recorder } = await openHouse(t);
  const own = 'own=1; Path=/';
  const wide = ['apps.test', '.apps.test', 'localhost', 'test', 'echo.localhost'].map((name) => `a=1; Domain=${name}`);
  const fields = [...wide, '__Host-knot=x; Path=/; Secure', own].map((line) => `set-cookie: ${line}\r\n`).join('');
  recorder.answerWith(() => `HTTP/1.1 200 OK\r\ncontent-length: 0\r\n${fields}\r\n`);
  const { headers } = await send(get(`Host: ${host}\r\n`, cookie));
  t.strictSame(headers.get('set-cookie'), [own]);
});

t.test('one connection may ask for hosts of both domains: each request is judged by its own', async (t) => {
  const { raw, cookie, recorder } = await openHouse(t);
  for (const servername of ['a.web-ann.apps.test', 'evilapps.test', 'web-ann.localhost'])
    await t.rejects(openRaw({ ...raw, servername }), servername);
  t.equal((await sendRaw(raw, get(`Host: ${host}\r\n`, cookie))).status, 200);
  t.equal((await sendRaw({ ...raw, servername: host }, get('Host: localhost\r\n', cookie))).body, 'main');
  t.equal(recorder.requests.length, 1);
});
