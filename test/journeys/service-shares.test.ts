import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as ask } from 'node:https';
import t, { type Test } from 'tap';
import type { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { caOf, type RunningGateway, runKnot } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { mirrorTemplate } from './mirror-service.ts';

/** A service and whom its owner lets in, on a whole gateway: by name, by team and by link, until it ends, and who came. */

const skip = servicesSkipReason();

type Use = { name: string; times: number };
type Share = { id: string; with: string; right: string; uses: Use[] };
type Made = { share: Share; url?: string };
type Headers = Record<string, string | undefined>;

/** A stream of the mirror, read for as long as it goes on. */
async function follow(gateway: RunningGateway, person: Person, url: string) {
  const { host, hostname } = new URL(url);
  const cookie = [...person.cookies(hostname)].map(([name, value]) => `${name}=${value}`).join('; ');
  const stream = ask(`${url}ticks`, {
    headers: { host, cookie, accept: 'text/event-stream' },
    ca: caOf(gateway),
    lookup: (_host, options, callback) =>
      options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
  });
  let isOver = false;
  const answered = once(stream, 'response');
  stream.on('error', () => (isOver = true)).on('close', () => (isOver = true));
  stream.end();
  const [answer] = (await answered) as [IncomingMessage];
  answer.on('error', () => undefined).resume();
  return { status: answer.statusCode, isOver: () => isOver, end: () => stream.destroy() };
}

function watched(socket: WebSocket) {
  let closed: number | undefined;
  let said = '';
  let refused: number | undefined;
  socket.on('message', (data: Buffer) => (said += data.toString()));
  socket.on('close', (code) => (closed = code));
  socket.on('unexpected-response', (_request, response) => {
    refused = response.statusCode;
    response.resume();
    socket.terminate();
  });
  socket.on('error', () => undefined);
  return { said: () => said, closed: () => closed, refused: () => refused };
}

t.test('a service is shared', { skip }, async (t: Test) => {
  const { gateway, ann, person, stranger } = await openPeople(t, {
    config: { services: { templates: [mirrorTemplate(t)] } },
    others: ['joanna', 'bob', 'max', 'mia'],
  });
  const [joanna, bob, max, mia] = [
    await person('joanna'),
    await person('bob'),
    await person('max'),
    await person('mia'),
  ];
  const made = await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' });
  t.equal(made.status, 201, made.text);
  const { id: teamId } = made.json<{ id: string }>();
  const memberships = new Map<Person, string>();
  for (const [who, role] of [
    [max, 'manager'],
    [mia, 'member'],
  ] as const) {
    const { user } = (await who.api('GET', '/me')).json<{ user: { id: string } }>();
    memberships.set(who, `/teams/${teamId}/members/${user.id}`);
    t.equal((await ann.api('PUT', memberships.get(who)!, { role })).status, 200);
  }

  const running = async (who: Person, name: string, owner?: string) =>
    becomes(who, (await launch(who, { template: 'mirror', name, ...(owner !== undefined && { owner }) })).id, 'ready');
  const mine = await running(joanna, 'lab');
  const at = `/services/${mine.id}/shares`;
  const share = async (body: object, who = joanna): Promise<Made> => {
    const answer = await who.api('POST', at, body);
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json<Made>();
  };
  const listed = async (): Promise<Share[]> => (await joanna.api('GET', at)).json<{ shares: Share[] }>().shares;
  const seen = async (who: Person, url = mine.url): Promise<Headers> => (await who.visit(url)).json<Headers>();

  await t.test('with a person: to look at, then to use; upstream sees the visitor', async (t) => {
    t.equal((await bob.visit(mine.url)).status, 403);
    t.equal((await bob.api('GET', at)).status, 404);
    const { share: view } = await share({ with: 'user:bob', right: 'view' });
    t.match(await seen(bob), { 'x-knot-user': 'bob', method: 'GET' });
    t.equal((await bob.request('POST', mine.url, { headers: { origin: mine.url.slice(0, -1) } })).status, 403);
    const looking = watched(bob.socket(mine.url));
    await eventually('the upgrade is refused', () => looking.refused() !== undefined);
    t.equal(looking.refused(), 403, 'who looks has no socket');
    t.match((await bob.api('GET', '/services/shared')).json(), {
      services: [
        { service: { id: mine.id, canView: true, canOpen: false, canSee: false }, right: 'view', expiresAt: null },
      ],
    });
    t.equal((await bob.api('GET', `/services/${mine.id}/events`)).status, 403, 'what becomes of it is not shared');
    t.equal((await bob.api('GET', `/services/${mine.id}/logs`)).status, 403);
    t.equal((await bob.api('POST', at, { with: 'user:mia', right: 'view' })).status, 403, 'nor is sharing');

    await share({ with: 'user:bob', right: 'open' });
    t.equal((await bob.api('GET', `/services/${mine.id}/logs`)).status, 403, 'what it says neither');
    const socket = watched(bob.socket(mine.url));
    const stream = await follow(gateway, bob, mine.url);
    await eventually('the socket speaks', () => socket.said() === 'hi');
    const open = (await listed()).find(({ right }) => right === 'open')!;
    const ended = await joanna.api('DELETE', `${at}/${open.id}`);
    t.match(ended.json(), { undo: { share: open.id } });
    await eventually('the socket ends with its right', () => socket.closed() !== undefined);
    t.notOk(stream.isOver(), 'what the other share allows goes on');
    await joanna.api('DELETE', `${at}/${view.id}`);
    await eventually('the stream ends with its right', stream.isOver);
    t.equal((await bob.visit(mine.url)).status, 403);

    const restored = await joanna.api('PUT', `${at}/${open.id}`, { share: open.id });
    t.match(restored.json(), { share: { id: open.id, with: 'user:bob', right: 'open' } });
    t.match(await seen(bob), { 'x-knot-user': 'bob' });
    await eventually('who came is noted', async () =>
      (await listed()).some(({ uses }) => uses.some(({ name }) => name === 'bob')),
    );
    t.equal((await mia.api('DELETE', `${at}/${open.id}`)).status, 404, 'not by somebody else');
    t.equal((await bob.api('DELETE', `${at}/${open.id}`)).status, 200, 'who has it may give it back');
    t.equal((await bob.visit(mine.url)).status, 403);
  });

  await t.test('by a link: one host, one right, until it ends; the link leads nowhere else', async (t) => {
    const other = await running(joanna, 'other');
    const { share: made, url } = await share({ with: 'guest', right: 'view', days: 1 });
    t.match(url, /\/s\/[\w-]{43}$/);
    const guest = stranger();
    const arrived = await guest.visit(url!);
    t.equal(arrived.status, 200, arrived.text);
    t.equal(arrived.url, mine.url, 'no secret stays in the address');
    const told = arrived.json<Headers>();
    t.match(told, { 'x-knot-user': 'guest', 'x-knot-email': '' });
    t.notMatch(told['cookie'] ?? '', /knot/i, 'the service sees none of it');
    const assertion = JSON.parse(Buffer.from(told['x-knot-assertion']!.split('.')[1]!, 'base64url').toString());
    t.match(assertion, { sub: `guest:${made.id}`, preferred_username: 'guest' });
    const host = new URL(mine.url).hostname;
    const cookie = guest.cookies(host).get('__Host-knot-visit')!;
    t.match(cookie, /^[\w-]{43}$/);
    t.not(cookie, url!.slice(-43), 'it is not the link');
    t.notOk(guest.cookies(host).has('wide'), 'nothing beyond its own host is set');
    t.not(guest.cookies(host).get('__Host-knot-visit'), 'x'.repeat(43), 'nor a cookie of Knot');
    t.notOk(guest.cookies('localhost').has('wide'));

    // The same cookie elsewhere is nobody's.
    const elsewhere = new URL(other.url).hostname;
    guest.setCookies(elsewhere, new Map([['__Host-knot-visit', cookie]]));
    t.match((await guest.visit(other.url)).url, /\/login/, 'another service asks who it is');
    t.equal((await guest.request('GET', other.url)).status, 401);
    t.equal((await guest.api('GET', '/services')).status, 401, 'the API knows no guests');
    const double = { cookie: `__Host-knot-visit=${cookie}; __Host-knot-visit=${'y'.repeat(43)}` };
    t.equal(
      (await stranger().request('GET', mine.url, { headers: double })).status,
      401,
      'a tossed cookie is no cookie',
    );

    // A code works once, on its own host.
    const again = await guest.request('GET', `/guest/${made.id}/`, { headers: { accept: 'text/html' } });
    const code = new URL(String(again.headers['location']));
    t.equal(code.hostname, host);
    t.equal((await stranger().request('GET', `${other.url}.knot/guest${code.search}`)).status, 400);
    t.equal((await stranger().request('GET', code.href)).status, 303);
    t.equal((await stranger().request('GET', code.href)).status, 400);
    t.equal((await guest.request('GET', mine.url)).status, 401, 'who redeems it takes the place of who came before');
    t.match((await guest.visit(url!)).json(), { 'x-knot-user': 'guest' });

    // It lets look, and nothing more.
    t.equal((await guest.request('POST', mine.url, { headers: { origin: mine.url.slice(0, -1) } })).status, 403);
    const looking = watched(guest.socket(mine.url));
    await eventually('the upgrade is refused', () => looking.refused() !== undefined);
    t.equal(looking.refused(), 403);

    // Who is signed in and has no right of their own comes as a guest as well.
    t.equal((await mia.visit(mine.url)).status, 403);
    t.match((await mia.visit(url!)).json(), { 'x-knot-user': 'guest' });

    const stream = await follow(gateway, guest, mine.url);
    t.equal(stream.status, 200);
    await eventually('the owner sees that somebody came', async () =>
      (await listed()).find(({ id }) => id === made.id)!.uses.some(({ name }) => name === 'guest'),
    );
    const end = await joanna.api('DELETE', `${at}/${made.id}`);
    t.same(end.json(), {}, 'a link does not come back');
    await eventually('the stream ends with the link', stream.isOver);
    t.equal((await guest.request('GET', mine.url)).status, 401);
    const ended = await stranger().visit(url!);
    t.equal(ended.status, 410);
    t.match(ended.text, /has ended it/);
  });

  await t.test('a link that is for using, and ends by itself', async (t) => {
    const { share: made, url } = await share({ with: 'guest', right: 'open', days: 1 });
    const guest = stranger();
    t.equal((await guest.visit(url!)).status, 200);
    t.match((await guest.request('POST', mine.url, { headers: { origin: mine.url.slice(0, -1) } })).json(), {
      method: 'POST',
    });
    const socket = watched(guest.socket(mine.url));
    await eventually('the socket speaks', () => socket.said() === 'hi');
    const shorter = await joanna.api('PATCH', `${at}/${made.id}`, { expiresAt: Date.now() + 1_000 });
    t.equal(shorter.status, 200, shorter.text);
    await eventually('it ends by itself', () => socket.closed() !== undefined);
    t.equal((await stranger().visit(url!)).status, 410);
  });

  await t.test('with a team: what its members have open by it ends with it', async (t) => {
    const { share: made } = await share({ with: 'team:physics', right: 'open' });
    t.match(await seen(mia), { 'x-knot-user': 'mia' });
    const socket = watched(mia.socket(mine.url));
    await eventually('the socket speaks', () => socket.said() === 'hi');
    t.equal((await joanna.api('DELETE', `${at}/${made.id}`)).status, 200);
    await eventually('it ends', () => socket.closed() !== undefined);
  });

  await t.test('what a team owns is opened by its members under their own names, and by nobody who left', async (t) => {
    const ours = await running(max, 'ours', 'physics');
    t.match(await seen(mia, ours.url), { 'x-knot-user': 'mia' });
    t.equal((await joanna.visit(ours.url)).status, 403);
    const socket = watched(mia.socket(ours.url));
    await eventually('the socket speaks', () => socket.said() === 'hi');
    await ann.api('DELETE', memberships.get(mia)!);
    await eventually('it ends with the membership', () => socket.closed() !== undefined);
    t.equal((await mia.visit(ours.url)).status, 403);
    // From a terminal, and gone with the service.
    const scopes = ['services:write', 'account:read'];
    const { secret } = (await joanna.api('POST', '/tokens', { name: 'script', scopes })).json<{ secret: string }>();
    const environment = { KNOT_URL: gateway.origin, KNOT_CA_FILE: gateway.caFile, KNOT_TOKEN: secret };
    const knot = (...words: string[]) => runKnot(['service', ...words], undefined, environment);
    t.match(await knot('share', 'lab', '--with', 'guest', '--right', 'open', '--for', '2h'), {
      status: 0,
      stdout: /^https:.*\/s\/[\w-]{43} +\(shown only now; until /,
    });
    t.match(await knot('share', 'lab', '--with', 'user:bob', '--right', 'edit'), { status: 2 });
    t.match(await knot('share', 'lab', '--with', 'user:nobodyhere', '--right', 'view'), {
      status: 1,
      stderr: /no such person/,
    });
    const { stdout } = await knot('shares', 'lab');
    t.match(stdout, /guest +open +until [^]*nobody/);
    t.match(await knot('unshare', 'lab', /^(\S+) +guest/m.exec(stdout)![1]!), { status: 0, stdout: /has ended/ });
    await share({ with: 'team:physics', right: 'view', days: 2 });
    t.match(await seen(max), { 'x-knot-user': 'max' });
    await joanna.api('DELETE', `/services/${mine.id}`);
    await eventually(
      'the shares end with it',
      async () => (await max.api('GET', '/services/shared')).text === '{"services":[]}',
    );
    const record = async () => (await ann.api('GET', '/audit?limit=100')).text;
    await eventually('and say why', async () => (await record()).includes('"reason":"deleted"'));
    const audit = await record();
    for (const action of ['share.created', 'share.opened', 'share.revoked', 'share.restored']) t.match(audit, action);
  });
});
