import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import fc from 'fast-check';
import t from 'tap';
import { readTarget } from '../../gateway/lib/index.ts';
import { startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import { caOf } from '../support/process/gateway.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Answer, Person } from '../support/process/person.ts';
import { sendRaw } from '../support/net/raw-client.ts';

/** The hand-off as browsers meet it: several tabs, old pages, blocked cookies, other people's links, addresses of every form. */
const echo = await startEcho();
const { gateway, stranger } = await openPeople(t, {
  others: ['bob'],
  config: {
    apps: [
      {
        name: 'echo',
        upstream: echo.address,
        title: 'Echo',
        encodedSlash: true,
        doubleSlash: true,
        pathParameters: true,
      },
    ],
  },
});
t.teardown(() => echo.close());

const host = 'echo.localhost';
const echoOrigin = `https://${host}:${gateway.port}`;
const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };

const signIn = (person: Person, page: Answer, username = 'ann') => person.fill(page, { username, password });
/** One step of a navigation, without following it. */
const step = (person: Person, url: string) => person.request('GET', url, { headers: navigation });
const forget = (person: Person, at = host) => person.setCookies(at, new Map());
const userOf = (answer: Answer) => answer.json<{ headers: Record<string, string> }>().headers['x-knot-user'];

/** Goes on until an address is reached, without opening it. */
async function until(person: Person, url: string, pattern: RegExp): Promise<string> {
  for (let at = url, hops = 0; hops < 10; hops += 1) {
    if (pattern.test(at)) return at;
    const answer = await step(person, at);
    at = new URL(String(answer.headers['location']), at).href;
  }
  throw new Error(`${pattern} was not reached from ${url}`);
}

t.test('tabs that start at the same time all arrive, whichever cookie won', async (t) => {
  for (const kept of [0, 1, 2]) {
    const person = stranger();
    const starts: { url: string; to: string; cookies: Map<string, string> }[] = [];
    for (const path of ['/tab0', '/tab1', '/tab2']) {
      forget(person);
      const answer = await step(person, echoOrigin + path);
      starts.push({ url: echoOrigin + path, to: String(answer.headers['location']), cookies: person.cookies(host) });
    }
    person.setCookies(host, starts[kept]!.cookies);
    const pages = [];
    for (const { to } of starts) pages.push(await person.visit(to));
    const first = await signIn(person, pages[0]!);
    t.equal(first.url, starts[0]!.url, `with the cookie of tab ${kept}`);
    t.equal(userOf(first), 'ann');
    for (const { to, url } of starts.slice(1)) t.equal((await person.visit(to)).url, url, 'reloaded');
  }
});

t.test('a sign-in page that was left open or bookmarked still leads where it should', async (t) => {
  const person = stranger();
  const page = await person.visit(`${echoOrigin}/deep?x=%2F`);
  // Ten minutes later the cookie of the start is gone.
  forget(person);
  t.equal((await signIn(person, page)).url, `${echoOrigin}/deep?x=%2F`);
  t.equal((await person.visit(page.url)).url, `${echoOrigin}/deep?x=%2F`, 'opened again, signed in');
  const later = stranger();
  t.equal((await signIn(later, await later.visit(page.url))).url, `${echoOrigin}/deep?x=%2F`, 'a bookmark');
});

t.test('an answer that got lost, or was asked for twice, is no dead end', async (t) => {
  const person = stranger();
  await person.signIn('ann', password);
  const callback = await until(person, `${echoOrigin}/deep`, /callback/);
  t.equal((await person.visit(callback)).url, `${echoOrigin}/deep`);
  const again = await step(person, callback);
  t.equal(again.headers['location'], '/deep', 'the live session simply goes on');
  t.notOk(again.headers['set-cookie']);
  const other = await until(
    person,
    `${gateway.origin}/login/handoff?to=${encodeURIComponent(`${echoOrigin}/b`)}&binding=${'x'.repeat(43)}`,
    /callback/,
  );
  t.equal((await person.visit(other)).url, `${echoOrigin}/b`, 'also for a start of another browser');
  forget(person);
  t.equal((await person.visit(callback)).url, `${echoOrigin}/deep`, 'a code that was used starts anew, once');
});

t.test('a browser that keeps no cookie of the host ends on a page that says so, with the deep link', async (t) => {
  const person = stranger();
  await person.signIn('ann', password);
  let url = `${echoOrigin}/deep?x=1`;
  let hops = 0;
  let answer: Answer;
  do {
    forget(person);
    answer = await step(person, url);
    if (answer.status === 303) url = new URL(String(answer.headers['location']), url).href;
  } while (answer.status === 303 && ++hops < 20);
  t.equal(answer.status, 400);
  t.ok(hops <= 6, `${hops} redirects`);
  t.match(answer.text, /[Cc]ookies/);
  t.match(answer.text, /href="\/deep\?x=1"[^>]*>Try again</);
});

t.test('C7 R6 the link of somebody else never signs in as them', async (t) => {
  const bob = stranger();
  await bob.signIn('bob', password);
  const bait = () => until(bob, `${echoOrigin}/bait`, /callback/).finally(() => forget(bob));
  const unknown = stranger();
  const asked = await unknown.visit(await bait());
  t.match(asked.url, `${gateway.origin}/login`, 'who is nobody is asked to sign in');
  t.equal(userOf(await signIn(unknown, asked)), 'ann', 'and is then who they are');
  const victim = stranger();
  await victim.signIn('ann', password);
  t.equal(userOf(await victim.visit(await bait())), 'ann');
  t.equal(userOf(await victim.visit(await bait())), 'ann', 'also with a live session');
});

t.test('opening tabs does not end what runs in the first one', async (t) => {
  const person = stranger();
  await person.signIn('ann', password);
  const callbacks: string[] = [];
  for (let tab = 0; tab < 9; tab += 1) {
    forget(person);
    callbacks.push(await until(person, `${echoOrigin}/tab${tab}`, /callback/));
    // Each tab has the cookie of its start and none of a session: all were under way at the same time.
    const answer = await step(person, callbacks[tab]!);
    t.equal(answer.headers['location'], `/tab${tab}`);
    if (tab > 0) continue;
    const stream = httpsRequest({
      host: '127.0.0.1',
      port: gateway.port,
      servername: host,
      ca: caOf(gateway),
      path: '/events',
      headers: {
        host: `${host}:${gateway.port}`,
        cookie: `__Host-knot=${person.cookies(host).get('__Host-knot')}`,
        accept: 'text/event-stream',
      },
    });
    let events = 0;
    let isCut = false;
    stream.on('response', (response) => {
      response.on('data', () => (events += 1));
      response.on('close', () => (isCut = true));
    });
    stream.on('error', () => (isCut = true));
    stream.end();
    t.teardown(() => stream.destroy());
    // Long enough to be known as a stream.
    await eventually('it is a stream', async () => events > 40);
    t.context = { count: () => events, isCut: () => isCut };
  }
  const { count, isCut } = t.context as { count(): number; isCut(): boolean };
  const before = count();
  await eventually('the stream goes on', async () => isCut() || count() > before + 20);
  t.notOk(isCut(), 'the stream of the first tab is not cut');
  t.equal((await person.api('GET', '/me')).status, 200);
});

t.test('signing in again in another tab ends nothing that runs in the first one', async (t) => {
  const person = stranger();
  // Two sign-in pages stand open; the second one is filled in when the first person is at work already.
  const [first, second] = [await person.visit(`${echoOrigin}/one`), await person.visit(`${gateway.origin}/login`)];
  await signIn(person, first);
  const before = person.cookies('localhost').get('__Host-knot');
  const socket = person.socket(`wss://${host}:${gateway.port}/ws`);
  t.teardown(() => socket.terminate());
  let isClosed = false;
  socket.on('close', () => (isClosed = true));
  await once(socket, 'open');
  t.equal((await signIn(person, second)).status, 200);
  t.not(person.cookies('localhost').get('__Host-knot'), before, 'under a new secret (fixation, C5)');
  let heard = '';
  socket.once('message', (data: Buffer) => (heard = data.toString()));
  socket.send('still here');
  await eventually('the echo, or the end', async () => heard !== '' || isClosed);
  t.equal(heard, 'still here');
  t.equal((await person.request('GET', `${echoOrigin}/three`)).status, 200, 'the session of the tool goes on');
  // The reaction to an ending would come within two seconds; a request that ends the session shows that it does come.
  await person.submit('/logout', {});
  await eventually('a real sign-out closes it', async () => isClosed);
});

t.test('whatever the edge takes comes back byte for byte', async (t) => {
  const central = stranger();
  await central.signIn('ann', password);
  const cookie = `Cookie: __Host-knot=${central.cookies('localhost').get('__Host-knot')}\r\n`;
  const target = { port: gateway.port, ca: caOf(gateway) };
  const get = (name: string, path: string, fields = '') =>
    sendRaw(target, `GET ${path} HTTP/1.1\r\nHost: ${name}:${gateway.port}\r\n${fields}Connection: close\r\n\r\n`);
  const pathOf = (location: string | undefined) => location!.slice(new URL(location!).origin.length);

  /** Through the sign-in of somebody who is signed in on the main host, with raw bytes on both. */
  async function roundTrip(path: string): Promise<string | undefined> {
    const start = await get(host, path, 'Sec-Fetch-Mode: navigate\r\n');
    if (start.status !== 303) return `start answered ${start.status}`;
    const own = /__Host-knot-handoff=[^;]+/.exec(start.headers.get('set-cookie')![0]!)![0];
    const main = await get('localhost', pathOf(start.headers.get('location')?.[0]), cookie);
    if (main.status !== 303) return `main host answered ${main.status}`;
    const back = await get(host, pathOf(main.headers.get('location')?.[0]), `Cookie: ${own}\r\n`);
    return back.headers.get('location')?.[0] ?? `callback answered ${back.status}`;
  }

  const json = encodeURIComponent(JSON.stringify({ datasource: 'x', queries: [{ refId: 'A', expr: 'up{job="a"}' }] }));
  const longest = 32 * 1024 - `Host: ${host}:${gateway.port}Sec-Fetch-Mode: navigateConnection: close`.length - 30;
  for (const path of [
    '/s?q=\\d+',
    `/explore?left=${json.repeat(40)}`,
    `/x?${'%7B'.repeat(1835)}`,
    `/x?${'a'.repeat(9000)}`,
    `/x?${'"'.repeat(9000)}`,
    `/${'a'.repeat(longest)}`,
    `/${'%7B'.repeat(Math.floor(longest / 3))}`,
    "/it's/100%25/a%2Fb;c//d/%0a?next=//evil.test&x=<'\">{}|^`\\\\",
    '/%09?%00#'.replace('#', ''),
    '/a?kept:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    '/?',
  ]) {
    t.equal(await roundTrip(path), path, `${path.slice(0, 40)} (${path.length})`);
  }
  const byte = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
  const piece = fc.oneof(byte, fc.constantFrom('%7B', '%25', '%c3%a9', '\\', '?', '&', "'", '"', 'kept:', '=x'));
  const paths = fc
    .array(piece, { size: 'large', maxLength: 1500 })
    .map((pieces) => `/${pieces.join('')}`)
    .filter((path) => typeof readTarget(path) !== 'string');
  await fc.assert(
    fc.asyncProperty(paths, async (path) => {
      const back = await roundTrip(path);
      if (back !== path) throw new Error(`${path}\n came back as\n${back}`);
    }),
    { numRuns: 40 },
  );
});

t.test('the main host keeps its own addresses as well, also long ones', async (t) => {
  const person = stranger();
  const path = `/policies?q=${'%22%7Bx%7D'.repeat(1200)}&r=\\d`;
  const page = await person.visit(gateway.origin + path);
  t.match(page.url, /\/login\?next=kept/);
  t.equal((await signIn(person, page)).url, gateway.origin + path);
});
