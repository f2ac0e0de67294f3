import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { caOf, runKnot } from '../support/process/gateway.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';
import { talkingTemplate } from './talking-service.ts';

/** What a service says and a terminal in it, on a whole gateway: read, followed over its ends and over a restart, by whom it is for. */

const skip = servicesSkipReason();

type Line = { n: number; from: string; text: string };
type Frame = { lines: Line[] };

/** A socket that gathers the lines it hears. */
function gather(socket: WebSocket) {
  const lines: Line[] = [];
  let closed: { code: number; reason: string } | undefined;
  socket.on('message', (data: Buffer) => lines.push(...(JSON.parse(data.toString()) as Frame).lines));
  socket.on('close', (code, reason) => (closed = { code, reason: reason.toString() }));
  socket.on('error', () => undefined);
  return { lines, texts: () => lines.map(({ text }) => text), closed: () => closed };
}

t.test('what a service says', { skip }, async (t) => {
  const config = {
    // The same after the restart: who follows comes back to where they were.
    listen: `127.0.0.1:${await freePort()}`,
    ops: `127.0.0.1:${await freePort()}`,
    signUp: 'open',
    services: { templates: [talkingTemplate(t)] },
  };
  const { gateway, ann, person, stranger } = await openPeople(t, { config, others: ['joanna', 'bob'] });
  const joanna = await person('joanna');
  const bob = await person('bob');
  // A disk of its own, so that it alone can be full.
  const outputFolder = join(gateway.data, 'services/output');
  const noDisk = smallDiskSkipReason();
  if (!noDisk) mkdirSync(outputFolder, { recursive: true, mode: 0o700 });
  const disk = noDisk ? undefined : openSmallDisk(t, '2m', outputFolder);
  const { id, url } = await launch(joanna, { template: 'talk', name: 'one' });
  await becomes(joanna, id, 'ready');

  const logs = (query = '', who = joanna) => who.api('GET', `/services/${id}/logs${query}`);
  const address = `${gateway.origin.replace('https', 'wss')}/api/v1/services/${id}/logs?follow`;
  const texts = async (query = '') => (await logs(query)).json<Frame>().lines.map(({ text }) => text);
  await t.test('is read a page at a time, searched and downloaded', async (t) => {
    t.match(await texts(), ['Started.', '\u001b[32mhello\u001b[0m from one', 'It answers.']);
    await joanna.visit(`${url}say?first%0Asecond%0Athird%0A`);
    await eventually('it is there', async () => (await texts()).includes('third'));
    t.match((await logs('?limit=2')).json(), {
      lines: [{ text: 'second', from: 'err' }, { text: 'third' }],
      before: 5,
    });
    t.match(await texts('?before=5&limit=1'), ['first']);
    t.match(await texts('?after=4&limit=1'), ['second']);
    t.match(await texts('?q=HELLO%20FROM'), [/hello/]);
    t.equal((await logs('?limit=0')).status, 400);
    const text = await joanna.request('GET', `${gateway.origin}/api/v1/services/${id}/logs.txt`);
    t.match(text.text, /Z out hello from one\n[^]*Z err third\n$/);
    t.match(text.headers, { 'content-disposition': /attachment; filename="one.log.txt"/ });
  });

  await t.test('is read on while its disk is full, which stops neither it nor another', { skip: noDisk }, async (t) => {
    disk!.fill();
    // More than what the last page of its file has left.
    const long = `while it is full ${'x'.repeat(5_000)}`;
    t.equal((await joanna.visit(`${url}say?${encodeURIComponent(`${long}\n`)}`)).status, 200);
    await eventually('it is read', async () => (await texts()).includes(long));
    await eventually('the log of the gateway says why', () =>
      /ENOSPC[^]*output of a service cannot be kept|output of a service cannot be kept[^]*ENOSPC/.test(
        gateway.output(),
      ),
    );
    t.match((await joanna.api('GET', `/services/${id}`)).json(), { state: 'ready' });
    const other = await launch(joanna, { template: 'talk', name: 'other' });
    await becomes(joanna, other.id, 'ready');
    const at = `/services/${other.id}`;
    t.equal((await joanna.visit(`${url}say?still%20full%0A`)).status, 200, 'and it answers');
    await joanna.api('DELETE', at);
    await eventually('it is gone', async () => (await joanna.api('GET', at)).status === 404);
    disk!.free();
    const written = () =>
      readdirSync(join(outputFolder, id))
        .map((name) => readFileSync(join(outputFolder, id, name), 'utf8'))
        .join('');
    await eventually('with room again it is kept', () => written().includes('still full'));
    t.equal(written().split('while it is full').length, 2, 'once');
    t.notMatch(written(), 'left out');
  });

  const socket = joanna.socket(address);
  const heard = gather(socket);
  await once(socket, 'open');
  await t.test('is followed over the end of its program, each line once', async (t) => {
    await eventually('what was said before', () => heard.texts().includes('third'));
    await joanna.visit(`${url}say?last%20words`).catch(() => undefined);
    await joanna.visit(`${url}end`).catch(() => undefined);
    await eventually('it was started again', () => heard.texts().filter((text) => text === 'It answers.').length === 2);
    const since = heard.texts().slice(heard.texts().indexOf('last words'));
    t.match(since, [
      'last words',
      'The program ended with exit code 3. It is started again.',
      'Started again.',
      /hello/,
      'It answers.',
    ]);
    t.strictSame(
      heard.lines.map(({ n }) => n),
      heard.lines.map((_, index) => index + 1),
    );
  });

  /** With which status an upgrade is refused; 101 when it is not. */
  const refused = async (who: Person, headers: Record<string, string> = {}, to = address): Promise<number> => {
    const socket = who.socket(to, { headers });
    socket.on('error', () => undefined);
    return new Promise<number>((resolve) => {
      socket.on('open', () => resolve(101));
      socket.on('error', ({ message }) => resolve(Number(/response: (\d+)/.exec(message)?.[1] ?? 0)));
    });
  };

  await t.test('is for who may open it, from a page of this site or with a token', async (t) => {
    t.equal(await refused(stranger()), 401, 'nobody');
    t.equal(await refused(bob), 404, 'whom it is nothing to');
    t.equal(await refused(ann), 403, 'an admin');
    const site = new URL(url).origin;
    for (const origin of [
      'https://evil.example',
      site,
      'null',
      `${gateway.origin}.evil.example`,
      gateway.origin.replace('https', 'http'),
    ])
      t.equal(await refused(joanna, { origin }), 403, origin);
    t.equal(await refused(joanna, {}, address.replace('/logs', '/events')), 404, 'where there is none');
    t.equal(await refused(joanna, {}, `${gateway.origin.replace('https', 'wss')}/`), 404);
    t.equal(await refused(joanna, {}, `${gateway.origin.replace('https', 'wss')}/oidc/auth`), 404);
    t.equal((await logs('', bob)).status, 404);

    const raw = { port: gateway.port, ca: caOf(gateway) };
    const cookie = `__Host-knot=${joanna.cookies('localhost').get('__Host-knot')}`;
    const ask = (lines: string[]) =>
      sendRaw(
        raw,
        [
          `GET /api/v1/services/${id}/logs HTTP/1.1`,
          `Host: localhost:${gateway.port}`,
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          ...lines,
          '',
          '',
        ].join('\r\n'),
      );
    const rows: [string, string[]][] = [
      ['a session without an origin', [`Cookie: ${cookie}`]],
      ['two origins', [`Cookie: ${cookie}`, `Origin: ${gateway.origin}`, 'Origin: https://evil.example']],
      ['a body behind it', [`Cookie: ${cookie}`, `Origin: ${gateway.origin}`, 'Content-Length: 5']],
      ['a chunked body', [`Cookie: ${cookie}`, `Origin: ${gateway.origin}`, 'Transfer-Encoding: chunked']],
      ['a token that is none', ['Authorization: Bearer knot_pat_nothing', `Cookie: ${cookie}`]],
    ];
    for (const [name, lines] of rows) {
      const answer = await ask(lines);
      t.match(String(answer.status), /^4\d\d$/, `${name}: ${answer.status}`);
    }
    const scopes = ['services:read'];
    const { secret } = (await joanna.api('POST', '/tokens', { name: 'script', scopes })).json<{ secret: string }>();
    t.equal((await ask([`Authorization: Bearer ${secret}`])).status, 101, 'a program needs no page');
    t.equal(await refused(joanna, { authorization: `Bearer ${secret}`, origin: 'https://evil.example' }), 403);
  });

  await t.test(
    'of a team: members read it, only who manages it gets a terminal, and both end with the right',
    async (t) => {
      const team = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
      const idOf = async (who: Person) => (await who.api('GET', '/me')).json<{ user: { id: string } }>().user.id;
      const [joannaId, bobId] = [await idOf(joanna), await idOf(bob)];
      await ann.api('PUT', `/teams/${team.id}/members/${joannaId}`, { role: 'manager' });
      await ann.api('PUT', `/teams/${team.id}/members/${bobId}`, { role: 'member' });
      const service = await launch(joanna, { template: 'talk', name: 'ours', owner: 'physics' });
      const at = `${gateway.origin.replace('https', 'wss')}/api/v1/services/${service.id}`;
      const terminal = `${at}/terminal?columns=80&rows=24`;
      await becomes(joanna, service.id, 'ready');

      t.equal(await refused(bob, {}, terminal), 403, 'a member');
      t.equal(await refused(ann, {}, terminal), 403, 'an admin');
      t.equal(await refused(stranger(), {}, terminal), 401);
      t.equal(await refused(joanna, { origin: new URL(url).origin }, terminal), 403, 'from the page of a service');
      t.equal((await joanna.api('GET', `/services/${service.id}/terminal?columns=80&rows=24`)).status, 400);
      t.equal(await refused(joanna, {}, `${at}/terminal?columns=0&rows=24`), 400);
      const { secret } = (await joanna.api('POST', '/tokens', { name: 'reads', scopes: ['services:read'] })).json<{
        secret: string;
      }>();
      t.equal(
        await refused(joanna, { authorization: `Bearer ${secret}` }, terminal),
        403,
        'a token that may only read',
      );

      const read = gather(bob.socket(`${at}/logs?follow`));
      await eventually('a member follows', () => read.texts().includes('It answers.'));
      await ann.api('DELETE', `/teams/${team.id}/members/${bobId}`);
      await eventually('who left does no more', () => read.closed()?.code === 1008);

      const openTerminal = async (query = '') => {
        const socket = joanna.socket(`${terminal}${query}`);
        let shown = '';
        const told: Record<string, unknown>[] = [];
        let code: number | undefined;
        socket.on('message', (data: Buffer, isBinary: boolean) => {
          if (isBinary) shown += data.toString();
          else told.push(JSON.parse(data.toString()) as Record<string, unknown>);
        });
        socket.on('close', (closed) => (code = closed));
        socket.on('error', () => undefined);
        await eventually('the terminal is there', () => told.length > 0 || code !== undefined);
        const run = (command: string, until: RegExp) => {
          socket.send(Buffer.from(`${command}\n`));
          return eventually(
            () => JSON.stringify(shown),
            () => until.exec(shown),
          );
        };
        return { socket, told, run, shown: () => shown, code: () => code };
      };
      const first = await openTerminal();
      await first.run('stty size; echo kept > note; cd /files/team/physics', /\r24 80\r\n/);
      first.socket.send(JSON.stringify({ size: { columns: 50, rows: 20 } }));
      first.socket.terminate();
      const { terminal: left } = first.told[0] as { terminal: string };
      const second = await openTerminal(`&terminal=${left}&seen=0`);
      t.equal(second.told[0]!['terminal'], left, 'the same shell');
      await second.run('pwd; cat ~/note', /\/files\/team\/physics\r\nkept/);
      t.match(second.shown(), /24 80/, 'with what it showed');
      await second.run('yes | head -c 3000000 | tail -c 10 > /dev/null; echo "fl""ood"', /\rflood/);
      second.socket.send('{"size": {"columns": 1e9, "rows": 1}}');
      await eventually('what is not understood ends it', () => second.code() === 1007);

      const third = await openTerminal();
      third.socket.send(Buffer.from('exit 4\n'));
      await eventually('its end is told', () => third.code() === 1000);
      t.match(third.told.at(-1), { ended: 4 });
      const fourth = await openTerminal();
      fourth.socket.send(Buffer.alloc(70_000));
      await eventually('a message that is too large ends it', () => fourth.code() === 1009);
      const fifth = await openTerminal();
      await ann.api('PUT', `/teams/${team.id}/members/${joannaId}`, { role: 'member' });
      await eventually('who does not manage it any more has none', () => fifth.code() === 1008);
      await ann.api('PUT', `/teams/${team.id}/members/${joannaId}`, { role: 'manager' });
      const sixth = await openTerminal();
      await joanna.api('POST', `/services/${service.id}/stop`, {});
      await eventually('it ends with the service', () => sixth.code() === 1000);
      await becomes(joanna, service.id, 'stopped');
      t.equal((await openTerminal()).code(), 4001, 'none where nothing runs');
      const { records } = (await ann.api('GET', '/audit?limit=100')).json<{
        records: { action: string; actor: string; subject: string }[];
      }>();
      const terminals = records.filter(({ action }) => action === 'service.terminal-opened');
      t.equal(terminals.length, 5);
      t.match(terminals[0], { actor: 'joanna', subject: 'service:physics/ours' });
      await joanna.api('DELETE', `/services/${service.id}`);
      await eventually('it is gone', async () => (await joanna.api('GET', `/services/${service.id}`)).status === 404);
    },
  );

  await t.test('ends for who may no longer read it', async (t) => {
    const again = stranger();
    await again.signIn('joanna', password);
    const other = again.socket(address);
    const ended = gather(other);
    await once(other, 'open');
    const end = again.request('POST', `${gateway.origin}/logout`, {
      headers: { origin: gateway.origin, 'sec-fetch-site': 'same-origin' },
    });
    await eventually('it was closed', () => ended.closed());
    t.match(ended.closed(), { code: 1008 });
    await end;
    t.notOk(heard.closed(), 'another sign-in goes on');
  });

  await t.test('is followed by a command, and goes on when Knot was restarted', async (t) => {
    const { secret } = (
      await joanna.api('POST', '/tokens', { name: 'command', scopes: ['services:read', 'account:read'] })
    ).json<{
      secret: string;
    }>();
    const environment = { KNOT_URL: gateway.origin, KNOT_CA_FILE: gateway.caFile, KNOT_TOKEN: secret };
    const stop = new AbortController();
    t.teardown(() => stop.abort());
    const knot = (...words: string[]) =>
      runKnot(['service', 'logs', 'one', ...words], undefined, environment, { signal: stop.signal });
    t.match(await knot('--search', 'hello'), { status: 0, stdout: 'hello from one\nhello from one\n' });
    t.match(await knot('--lines', '0'), { status: 2 });
    t.match(await knot('--lines', '1'), { status: 0, stdout: '--- It answers.\n' });
    const following = knot('--follow', '--lines', '1');
    const streams = async () => (await joanna.request('GET', `${gateway.ops}/metrics`)).text;
    await eventually('the command follows', async () => /^knot_live_streams 2$/m.test(await streams()));
    await joanna.visit(`${url}say?%1b]0%3Bevil%07while%20it%20is%20followed%0A`);
    await eventually('it is there', async () => (await texts()).some((text) => text.includes('while')));
    const before = (await logs('?limit=1')).json<{ last: number }>().last;
    // What it used is known, where nobody keeps metrics: of this day, and since then.
    const used = await eventually('it was measured', async () => {
      const found = (await joanna.api('GET', '/metrics/usage')).json<{ services: { memoryGibHours: number }[] }>();
      return (found.services[0]?.memoryGibHours ?? 0) > 0 ? found : undefined;
    });
    const today = new Date().toISOString().slice(0, 10);
    t.match(used, { measuredBy: 'services', services: [{ id, name: 'one' }], now: { services: 1 } });
    t.ok((used as unknown as { since: string }).since <= today);
    t.match((await joanna.api('GET', '/me')).json(), { offers: ['metrics'] });
    t.match((await joanna.api('GET', '/metrics/query?query=up')).json(), { code: 'KNOT_API_NO_METRICS' });
    t.match(await gateway.knot(['restart']), { status: 0 });
    await eventually('the socket was told to come back', () => heard.closed()?.code === 1012);
    await becomes(joanna, id, 'ready');
    const later = gather(joanna.socket(`${address}&after=${before}`));
    await eventually('it goes on', () => later.texts().includes('It answers.'));
    t.match(later.texts(), ['Stopped.', 'Started.', /hello/, 'It answers.']);
    await eventually('the command came back', async () => /^knot_live_streams 2$/m.test(await streams()));
    await joanna.api('DELETE', `/services/${id}`);
    await eventually('it ends with the service', () => later.closed()?.code === 1000);
    t.match(await following, {
      status: 0,
      stdout:
        /^(--- It answers\.\n)?while it is followed\n--- Stopped\.\n--- Started\.\nhello from one\n--- It answers\.\n/,
    });
    t.strictSame(readdirSync(outputFolder), []);
  });
});
