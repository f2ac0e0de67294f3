/**
 * What is true of every tool, whichever it is: those with a folder of their own and an entry of `apps` of each kind, behind one gateway. What
 * a tool does by itself is in the tests of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { startStandIn } from '../support/net/stand-in.ts';
import { startFakeApiServer } from '../support/kube/fake.ts';
import { kubeconfigOf } from '../support/kube/open.ts';
import { caOf } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { describeOpenedTools } from './contract-facts.ts';
import { administratorsSecret, everybodysToken, type ToolRow, toolRows, toolSettings } from './tool-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'knot-contract-'));
const standIn = await startStandIn();
const cluster = await startFakeApiServer();
t.teardown(async () => {
  standIn.close();
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});
const admission = `127.0.0.1:${await freePort()}`;
const settings = toolSettings(folder, () => standIn.url);
const { gateway, ann, person, atEnd } = await openPeople(t, {
  others: ['bob', 'joanna'],
  config: {
    engine: 'kubernetes',
    kubernetes: {
      kubeconfig: kubeconfigOf(folder, cluster),
      admission: { listen: admission, url: `https://${admission}` },
    },
    ...settings,
  },
});
const bob = await person('bob');
const raw = { port: gateway.port, ca: caOf(gateway) };
const names = toolRows.map(({ name }) => name);

const hostOf = ({ name }: ToolRow) => `${name}.localhost`;
const originOf = (row: ToolRow) => `https://${hostOf(row)}:${gateway.port}`;
const addressOf = (row: ToolRow, username: string, query = 'contract=page') =>
  `${originOf(row)}${row.pageOf(username)}?${query}`;
/** What is heard while something is done. */
async function heardDuring(work: () => Promise<unknown>) {
  const from = standIn.heard.length;
  await work();
  return standIn.heard.slice(from);
}
/** A session of this person's at the tool, as cookies. */
async function sessionAt(row: ToolRow, who: Person, username: string): Promise<string> {
  await who.visit(addressOf(row, username));
  return `__Host-knot=${who.cookies(hostOf(row)).get('__Host-knot')}`;
}
const get = (row: ToolRow, path: string, fields: readonly string[]) =>
  sendRaw(
    raw,
    `GET ${path} HTTP/1.1\r\nHost: ${hostOf(row)}:${gateway.port}\r\n${fields.map((field) => `${field}\r\n`).join('')}Connection: close\r\n\r\n`,
  );
const expected = (row: ToolRow, username: string) => (row.name === 'tokenapp' ? 'everybody' : username);

t.test('each has a tile that leads to its host, and is in the list of the command', async (t) => {
  type Tile = { name: string; kind: string; url: string };
  const { tiles } = (await ann.api('GET', '/tiles')).json<{ tiles: Tile[] }>();
  t.strictSame(
    tiles.map(({ name, kind }) => `${name} ${kind}`),
    names.map((name) => `${name} integration`),
  );
  for (const [index, { url }] of tiles.entries()) t.equal(new URL(url).origin, originOf(toolRows[index]!));
  const listed = await gateway.knot(['integrations', 'list', '--json']);
  t.strictSame(
    (JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name),
    names,
  );
  const unknown = await gateway.knot(['integrations', 'show', 'gitea']);
  t.equal(unknown.status, 1);
  t.match(unknown.stderr, /jupyterhub, argo, .*tokenapp/);
});

for (const row of toolRows) {
  t.test(row.name, async (t) => {
    const page = `${row.pageOf('bob')}?contract=page`;

    await t.test('nobody reaches it who is not signed in', async (t) => {
      const heard = await heardDuring(async () => {
        t.equal((await get(row, page, row.forged)).status, 401);
        const navigation = await get(row, page, ['Accept: text/html', 'Sec-Fetch-Mode: navigate']);
        t.equal(navigation.status, 303);
        t.match(navigation.headers.get('location'), [`${gateway.origin}/`]);
        const upgrade = [
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ];
        t.equal((await get(row, page, [...upgrade, `Origin: ${originOf(row)}`])).status, 401);
      });
      t.strictSame(heard, []);
      for (const path of row.open ?? []) {
        const [told] = await heardDuring(() => get(row, `${path}?contract=page`, row.forged));
        t.ok(told, `${path} goes by`);
        t.equal(row.personIn(told!.headers), undefined, 'as nobody');
        t.notMatch(JSON.stringify([...told!.headers]), /x-knot-|webauth/i);
      }
    });

    await t.test('it is told who asks, and nothing that somebody says of themselves', async (t) => {
      const session = await sessionAt(row, bob, 'bob');
      const [told, ...others] = await heardDuring(async () => {
        const answer = await get(row, page, [`Cookie: ${session}; other=1`, 'X-Other: 1', ...row.forged]);
        t.equal(answer.status, 200, answer.body.slice(0, 300));
      });
      t.strictSame(others, []);
      const { host, headers } = told!;
      t.equal(host, `${hostOf(row)}:${gateway.port}`);
      t.equal(row.personIn(headers), expected(row, 'bob'));
      for (const field of row.forged) {
        const [name, value] = field.split(': ') as [string, string];
        t.notOk(headers.get(name.toLowerCase())?.includes(value), field);
      }
      t.strictSame(headers.get('x-other'), ['1']);
      t.notMatch(JSON.stringify(headers.get('cookie') ?? []), '__Host-knot');
      // By one way alone.
      if (!headers.has('x-knot-user')) t.notOk([...headers.keys()].some((name) => name.startsWith('x-knot-')));
      if (row.tokenField === undefined) return;
      const keys = (await bob.visit(`${gateway.origin}/.well-known/jwks.json`)).json<JSONWebKeySet>();
      const token = headers.get(row.tokenField)![0]!.replace(/^Bearer /, '');
      await t.resolves(jwtVerify(token, createLocalJWKSet(keys), { issuer: gateway.origin, audience: hostOf(row) }));
    });

    if (row.callback !== undefined)
      await t.test('it signs people in at Knot, who come back without a second form', async (t) => {
        const asked = new URL(`${gateway.origin}/oidc/auth`);
        asked.search = new URLSearchParams({
          ...{ client_id: row.name, redirect_uri: `${originOf(row)}${row.callback}`, response_type: 'code' },
          ...{ scope: 'openid profile groups', state: 'some-state-of-mine', code_challenge_method: 'S256' },
          code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        }).toString();
        const [back] = await heardDuring(() => bob.visit(asked.href));
        t.match(back, { host: `${hostOf(row)}:${gateway.port}`, url: /\?code=.*state=some-state-of-mine/ });
        asked.searchParams.set('redirect_uri', `${originOf(row)}/elsewhere`);
        t.strictSame(await heardDuring(() => bob.visit(asked.href)), []);
      });

    if (row.cookie)
      await t.test('a sign-in of its own counts for nobody else', async (t) => {
        const { name, is } = row.cookie!;
        const mine = await sessionAt(row, bob, 'bob');
        const yours = await sessionAt(row, ann, 'ann');
        const given = await get(
          row,
          `${row.pageOf('ann')}?contract=page&set=${name}%3Dof-ann%3B%20Path%3D/&set=theme%3Ddark`,
          [`Cookie: ${yours}`],
        );
        const set = (given.headers.get('set-cookie') ?? []).map((line) => line.split(';')[0]!);
        const shown = async (session: string, username: string, cookie: string) => {
          const path = `${row.pageOf(username)}?contract=page`;
          const [told] = await heardDuring(() => get(row, path, [`Cookie: ${session}; ${cookie}; other=1`]));
          return {
            person: row.personIn(told!.headers),
            cookie: told!.headers
              .get('cookie')
              ?.join('; ')
              .replace(/^knot-metrics=\S+ /, ''),
          };
        };
        t.ok(set.includes('theme=dark'));
        const left = await shown(mine, 'bob', set.find((pair) => pair.startsWith(`${name}=`)) ?? `${name}=of-ann`);
        t.equal(left.person, expected(row, 'bob'));
        if (is === 'compared') return t.match(left.cookie, `${name}=of-ann`);
        t.equal(left.cookie, 'other=1', 'left over of somebody else');
        t.equal((await shown(mine, 'bob', `${name}=of-ann`)).cookie, 'other=1', 'made up');
        if (is === 'withheld') return t.notOk(set.some((pair) => pair.startsWith(`${name}=`)));
        const own = await shown(
          yours,
          'ann',
          set.find((pair) => pair.startsWith(`${name}=`))!,
        );
        t.equal(own.cookie, `${name}=of-ann; other=1`, 'beside the session that it was given in');
      });

    if (row.isOwned)
      await t.test('what is somebody else’s is refused by a rule that is named', async (t) => {
        const fields = [`Cookie: ${await sessionAt(row, bob, 'bob')}`, 'Accept: application/json'];
        const heard = await heardDuring(async () => {
          for (const name of ['joanna', 'Bob', 'jo%61nna', 'joanna;', '..', '%2e%2e']) {
            const answer = await get(row, `${row.pageOf(name)}?contract=page`, fields);
            t.ok([400, 403].includes(answer.status), `${name}: ${answer.status}`);
          }
          const answer = await bob.request('GET', addressOf(row, 'joanna'), {
            headers: { accept: 'application/json' },
          });
          t.match(answer.json(), { code: 'KNOT_PROXY_DENIED', details: { rule: 'services-are-private' } });
        });
        t.strictSame(heard, []);
      });

    await t.test('a stream that the tool has ended is whole, and told as ended', async (t) => {
      const session = await sessionAt(row, bob, 'bob');
      const path = `${row.pageOf('bob')}?contract=stream&ends`;
      const { status, body } = await get(row, path, [`Cookie: ${session}`, 'Accept: text/event-stream']);
      t.equal(status, 200);
      // RFC 9112 section 7.1: the last chunk; a connection that was cut has none.
      t.match(body, /data: begun\n\n[^]*data: ended\n\n\r\n0\r\n\r\n$/);
    });

    await t.test('the commands say what belongs into it, and what they ask it', async (t) => {
      const shown = await gateway.knot(['integrations', 'show', row.name]);
      t.equal(shown.status, 0, shown.stderr);
      t.match(shown.stdout, row.shown);
      t.notMatch(shown.stdout, administratorsSecret);
      t.notMatch(shown.stdout, everybodysToken);
      const checked = await gateway.knot(['integrations', 'check', row.name]);
      // The stand-in answers, and is none of these tools.
      t.equal(checked.status, row.checked ? 1 : 0, checked.stderr);
      t.match(checked.stdout, row.checked ?? 'Knot has no questions to this tool');
    });
  });
}

/** Everything that somebody has open, in every tool; each promise resolves when it ended. */
async function openEverywhere(who: Person, username: string): Promise<Map<string, Promise<unknown>>> {
  const ends = new Map<string, Promise<unknown>>();
  for (const row of toolRows) {
    const session = await sessionAt(row, who, username);
    const heard = standIn.heard.length;
    const path = `${row.pageOf(username)}?contract=stream`;
    const stream = get(row, path, [`Cookie: ${session}`, 'Accept: text/event-stream']);
    ends.set(`${row.name}: events`, stream);
    const socket = who.socket(addressOf(row, username).replace('https', 'wss'));
    atEnd(async () => socket.terminate());
    ends.set(`${row.name}: socket`, new Promise((resolve) => socket.once('close', resolve)));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    await eventually(`both are open in ${row.name}`, () => standIn.heard.length === heard + 2);
  }
  return ends;
}

async function isShutOut(t: Test, who: Person, username: string) {
  const heard = await heardDuring(async () => {
    for (const row of toolRows) t.equal((await who.request('GET', addressOf(row, username))).status, 401, row.name);
  });
  t.strictSame(heard, []);
}

t.test('leaving a team ends what a tool was told of it, and nothing that is one’s own', async (t) => {
  const joanna = await person('joanna');
  const { id } = (await ann.api('GET', '/users/joanna')).json<{ id: string }>();
  const team = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  await ann.api('PUT', `/teams/${team.id}/members/${id}`, { role: 'member' });
  const ends = await openEverywhere(joanna, 'joanna');
  const over = new Set<string>();
  for (const [what, end] of ends) void end.then(() => over.add(what));
  await ann.api('DELETE', `/teams/${team.id}/members/${id}`);
  const told = toolRows.filter(({ isOwned }) => !isOwned).flatMap(({ name }) => [`${name}: events`, `${name}: socket`]);
  await eventually(
    () => `their ends; there were those of ${[...over].join(', ')}`,
    () => told.every((what) => over.has(what)),
  );
  t.strictSame([...over].sort(), told.sort(), 'what is in a part of one’s own goes on');
});

t.test('signing out ends what is open in every tool', async (t) => {
  const joanna = await person('joanna');
  const ends = await openEverywhere(joanna, 'joanna');
  await joanna.submit('/logout', {});
  for (const [what, end] of ends) await t.resolves(end, what);
  await isShutOut(t, joanna, 'joanna');
});

t.test('disabling somebody ends what they have open in every tool', async (t) => {
  const ends = await openEverywhere(bob, 'bob');
  const { id } = (await ann.api('GET', '/users/bob')).json<{ id: string }>();
  await ann.api('PATCH', `/users/${id}`, { state: 'disabled' });
  for (const [what, end] of ends) await t.resolves(end, what);
  await isShutOut(t, bob, 'bob');
});

t.test('as the configuration opens them', (t) => describeOpenedTools(t, folder));
