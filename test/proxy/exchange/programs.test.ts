import { createHash } from 'node:crypto';
import t from 'tap';
import { createManualClock } from '../../../gateway/lib/index.ts';
import { openRaw, sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { eventually } from '../../support/eventually.ts';
import { openGateway } from '../fixture.ts';

const day = { days: 1 };
const by = { actor: 'ann' };

/** A gateway in front of an upstream that does not know Knot, and lets programs in that show a token for `kubernetes`. */
async function openWithPrograms(t: Parameters<typeof openGateway>[0]) {
  const asked: string[] = [];
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, switches: { ...route.switches, programs: 'kubernetes' } }),
    credentialsOf: ({ name }) =>
      name !== 'echo'
        ? undefined
        : async ({ username, groups }) => {
            asked.push(username);
            const named = groups.flatMap((group) => ['impersonate-group', group]);
            return ['authorization', 'Bearer of-the-gateway', 'impersonate-user', `knot:${username}`, ...named];
          },
  });
  const token = async (...scopes: string[]) =>
    (await gateway.tokens.create({ userId: gateway.user.id, name: scopes.join(' '), scopes, ...day }, by)).secret;
  const head = (host: string, fields: string, method = 'GET', path = '/api/v1/pods') =>
    `${method} ${path} HTTP/1.1\r\nHost: ${host}.localhost:${gateway.port}\r\n${fields}`;
  const ask = (fields: string, { host = 'echo', method = 'GET' } = {}) =>
    sendRaw(
      gateway.raw,
      `${head(host, fields, method)}${method === 'GET' ? '' : 'Content-Length: 0\r\n'}Connection: close\r\n\r\n`,
    );
  const only = (name: string): string[] => gateway.recorder.requests.at(-1)?.headers.get(name) ?? [];
  return { ...gateway, asked, token, head, ask, only };
}

t.test('a program that shows a token speaks for its owner, in the words of the upstream', async (t) => {
  const { ask, token, only, recorder, asked, raw, port, signIn } = await openWithPrograms(t);
  const secret = await token('kubernetes:write');
  const spoofed = 'Impersonate-User: system:admin\r\nImpersonate-Group: system:masters\r\nX-Remote-User: root\r\n';
  const answer = await ask(`Authorization: Bearer ${secret}\r\n${spoofed}`);
  t.equal(answer.status, 200);
  t.strictSame(only('authorization'), ['Bearer of-the-gateway'], 'the token stays here');
  t.strictSame(only('impersonate-user'), ['knot:ann']);
  t.strictSame(only('impersonate-group'), ['knot:user:ann']);
  t.strictSame(only('x-remote-user'), []);
  t.strictSame(only('x-knot-assertion'), [], 'what does not know Knot is told nothing of it');
  t.notMatch(recorder.bytes(), new RegExp(secret));

  recorder.reset();
  await ask(`authorization: bEARER   ${secret}\r\n`, { method: 'DELETE' });
  t.strictSame(only('impersonate-user'), ['knot:ann'], 'the scheme in any letter case');
  await sendHttp2(raw, { ':path': '/x', ':authority': `echo.localhost:${port}`, authorization: `Bearer ${secret}` });
  t.strictSame(only('authorization'), ['Bearer of-the-gateway'], 'over HTTP/2');
  t.strictSame(asked, ['ann'], 'made once, and kept for a while');

  await t.test(
    'who is signed in there is told alike, and a program is nobody else, whatever cookies it sends',
    async (t) => {
      const { cookie } = await signIn();
      recorder.reset();
      t.equal((await ask(`Cookie: ${cookie}\r\nAuthorization: Basic c2VjcmV0\r\n`)).status, 200);
      t.strictSame(only('authorization'), ['Bearer of-the-gateway'], 'what else they send stays here');
      recorder.reset();
      const wrong = `knot_pat_${'a'.repeat(42)}`;
      t.equal((await ask(`Cookie: ${cookie}\r\nAuthorization: Bearer ${wrong}\r\n`)).status, 401);
      t.equal(recorder.requests.length, 0);
    },
  );
});

t.test('what does not let a program in is told so, and nothing reaches the upstream', async (t) => {
  const { ask, token, recorder, tokens, user, accounts, decideWith } = await openWithPrograms(t);
  const reading = await token('kubernetes:read');
  const other = await token('files:write', 'admin:write');
  const bearer = (secret: string) => `Authorization: Bearer ${secret}\r\n`;
  t.equal((await ask(bearer(reading))).status, 200);
  recorder.reset();

  t.match(await ask(bearer(reading), { method: 'POST' }), { status: 403 }, 'made for reading');
  const scoped = await ask(bearer(other));
  t.match(scoped, { status: 403 });
  t.match(scoped.headers.get('www-authenticate'), [/insufficient_scope/]);
  const unknown = await ask(bearer('eyJhbGciOiJub25lIn0.e30.'));
  t.match(unknown, { status: 401 });
  t.match(unknown.headers.get('www-authenticate'), [/invalid_token/]);
  t.match(await ask(''), { status: 401 }, 'nobody');
  t.match(await ask('Authorization: Basic YW5uOng=\r\n'), { status: 401 }, 'no bearer');
  decideWith(() => ({ effect: 'deny', rules: [], policyVersion: '1', reason: 'forbid' }));
  t.match(await ask(bearer(reading)), { status: 403 }, 'the policies say no');
  decideWith(() => ({ effect: 'allow', rules: [], policyVersion: '1', reason: 'permit' }));

  t.match(await ask(bearer(reading), { host: 'open' }), { status: 401 }, 'a route that lets no programs in');
  await tokens.revoke(user.id, (await tokens.list(user.id)).find(({ name }) => name === 'kubernetes:read')!.id, by);
  t.match(await ask(bearer(reading)), { status: 401 }, 'revoked');
  const last = await token('kubernetes:write');
  t.equal((await ask(bearer(last))).status, 200);
  recorder.reset();
  await accounts.setState(user.id, 'disabled', { name: 'test' });
  t.match(await ask(bearer(last)), { status: 401 }, 'of somebody who may not sign in');
  t.equal(recorder.requests.length, 0);
});

t.test('what a program has open ends with its token', async (t) => {
  const { token, head, raw, tokens, user, live, cuts, recorder } = await openWithPrograms(t);
  const secret = await token('kubernetes:write');
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n';
  const protocol = 'Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n';
  recorder.answerWith(({ headers }) => {
    const accept = createHash('sha1').update(
      `${headers.get('sec-websocket-key')![0]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
    );
    return `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: v5.channel.k8s.io\r\nsec-websocket-accept: ${accept.digest('base64')}\r\n\r\n`;
  });
  const client = await openRaw(raw);
  client.write(`${head('echo', `Authorization: Bearer ${secret}\r\n${upgrade}${protocol}`)}\r\n`);
  await eventually('the socket is open', async () => live.count() === 1);
  t.match(recorder.bytes(), /Bearer of-the-gateway/);
  t.match(recorder.bytes(), /v5\.channel\.k8s\.io/);
  t.notMatch(recorder.bytes(), new RegExp(secret));
  await live.rejudge();
  t.equal(live.count(), 1, 'it stays open while the token lives');
  await tokens.revoke(user.id, (await tokens.list(user.id))[0]!.id, by);
  await eventually('it is cut', async () => live.count() === 0);
  t.match(cuts, [{ host: 'echo.localhost', username: 'ann' }]);
  client.destroy();
});

t.test('what an upstream did not take is asked for anew by the next request, and not over and over', async (t) => {
  const clock = createManualClock(Date.now());
  const refused: string[] = [];
  const visits: boolean[] = [];
  const gateway = await openGateway(t, {
    clock,
    route: (route) => ({ ...route, switches: { ...route.switches, programs: 'kubernetes' } }),
    credentialsOf: ({ name }) =>
      name !== 'echo'
        ? undefined
        : Object.assign(
            async (_principal: unknown, _resource: unknown, { isProgram }: { isProgram: boolean }) => {
              visits.push(isProgram);
              return ['authorization', `Bearer number-${visits.length}`];
            },
            { refused: ({ username }: { username: string }) => void refused.push(username) },
          ),
  });
  const { cookie } = await gateway.signIn();
  const ask = (fields = `Cookie: ${cookie}\r\n`) =>
    sendRaw(
      gateway.raw,
      `GET /x HTTP/1.1\r\nHost: echo.localhost:${gateway.port}\r\n${fields}Connection: close\r\n\r\n`,
    );
  const shown = () => gateway.recorder.requests.at(-1)?.headers.get('authorization');
  await ask();
  clock.advance(10_000);
  gateway.recorder.answerWith(() => 'HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n');
  t.equal((await ask()).status, 401, 'it is told as it is');
  t.strictSame(shown(), ['Bearer number-1']);
  t.strictSame(refused, ['ann']);
  await ask();
  t.strictSame(shown(), ['Bearer number-2']);
  await ask();
  t.strictSame(shown(), ['Bearer number-2'], 'one that is fresh and refused as well is kept for a while');
  t.strictSame(refused, ['ann']);
  clock.advance(10_000);
  await ask();
  t.strictSame(refused, ['ann', 'ann']);

  const { secret } = await gateway.tokens.create(
    { userId: gateway.user.id, name: 'of-a-program', scopes: ['kubernetes:read'], days: 1 },
    { actor: 'ann' },
  );
  await ask(`Authorization: Bearer ${secret}\r\n`);
  t.strictSame(visits, [false, false, true], 'whether a program asks is told');
});

t.test('lines of one name that a program sends several of go on as several, in their order', async (t) => {
  const { ask, token, recorder } = await openWithPrograms(t);
  const versions = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io'];
  const lines = versions.map((version) => `X-Stream-Protocol-Version: ${version}\r\n`).join('');
  t.equal((await ask(`Authorization: Bearer ${await token('kubernetes:write')}\r\n${lines}`)).status, 200);
  t.match(recorder.bytes(), lines, 'as kubectl exec needs them');
});
