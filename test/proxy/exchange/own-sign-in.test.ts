import t from 'tap';
import { sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

/** What an upstream keeps of a sign-in of its own is worth something in the session in which it was given, and nowhere else. */

const route = { ownSignIn: ['tool_session'] };
const gateway = await openGateway(t, { route: (plain) => ({ ...plain, switches: { ...plain.switches, ...route } }) });
const { recorder, raw, port } = gateway;
const host = `echo.localhost:${port}`;
const { cookie: anns } = await gateway.signIn();
const { cookie: again } = await gateway.signIn();

const get = (cookie: string, fields = '') =>
  sendRaw(raw, `GET /x HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`);

/** What the upstream is shown of a `Cookie` field. */
async function shown(cookie: string): Promise<string | undefined> {
  recorder.reset();
  recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.equal((await get(cookie)).status, 200);
  return recorder.requests.at(-1)!.headers.get('cookie')?.join('|');
}

/** What a browser keeps of what the upstream sets, as pairs. */
async function given(cookie: string, ...lines: string[]): Promise<string[]> {
  const fields = lines.map((line) => `Set-Cookie: ${line}\r\n`).join('');
  recorder.answerWith(() => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`);
  return (await get(cookie)).headers.get('set-cookie') ?? [];
}

const [set] = await given(anns, 'tool_session=abc.def; Path=/; HttpOnly; Secure');
const pair = set!.split(';')[0]!;

t.test('it is tied to the session in which it was given, and the upstream sees it as it was', async (t) => {
  t.match(set, /^tool_session=abc\.def\.[\w-]{43}; Path=\/; HttpOnly; Secure$/);
  t.equal(await shown(`${anns}; a=1; ${pair}; b=2`), 'a=1; tool_session=abc.def; b=2');
  t.equal(await shown(`${pair}; ${anns}`), 'tool_session=abc.def');
});

t.test('in another session, even of the same person, it is nothing', async (t) => {
  t.equal(await shown(`${again}; ${pair}; b=2`), 'b=2');
  t.equal(await shown(`${again}; ${pair}`), undefined);
});

t.test('what nobody tied, or somebody changed, is nothing either', async (t) => {
  const code = pair.slice(pair.lastIndexOf('.') + 1);
  for (const forged of [
    'tool_session=abc.def',
    'tool_session=abcdef',
    `tool_session=other.${code}`,
    `tool_session=abc.def.${code.slice(0, -1)}`,
    `tool_session=abc.def.${code}x`,
    `tool_session=.${code}`,
    'tool_session=',
    'tool_session',
    `TOOL_SESSION=abc.def.${code}`,
    `"tool_session=abc.def.${code}`,
    `\ttool_session =abc.def.${code}`,
  ])
    t.equal(await shown(`${anns}; ${forged}; b=2`), 'b=2', forged);
  // Beside the right one, in either order: what a neighbouring host sets for the whole domain.
  t.equal(await shown(`${anns}; tool_session=tossed; ${pair}`), 'tool_session=abc.def');
  t.equal(await shown(`${anns}; ${pair}; tool_session=tossed`), 'tool_session=abc.def');
});

t.test('other cookies are left alone, also those whose names begin alike', async (t) => {
  t.strictSame(await given(anns, 'tool_session_expiry=1; Path=/', 'theme=dark', 'my_tool_session=2'), [
    'tool_session_expiry=1; Path=/',
    'theme=dark',
    'my_tool_session=2',
  ]);
  t.equal(await shown(`${anns}; tool_session_expiry=1; my_tool_session=2`), 'tool_session_expiry=1; my_tool_session=2');
});

t.test('a refused upgrade ties what it sets too', async (t) => {
  const upgrade =
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
    `Origin: https://${host}\r\nConnection: Upgrade\r\n`;
  recorder.reset();
  recorder.answerWith(() => 'HTTP/1.1 401 No\r\nSet-Cookie: tool_session=later; Path=/\r\nContent-Length: 0\r\n\r\n');
  const answer = await sendRaw(
    raw,
    `GET /live HTTP/1.1\r\nHost: ${host}\r\nCookie: ${anns}; tool_session=tossed; ${pair}\r\n${upgrade}\r\n`,
  );
  t.equal(answer.status, 401);
  t.match(answer.headers.get('set-cookie'), [/^tool_session=later\.[\w-]{43}; Path=\/$/]);
  t.strictSame(recorder.requests.at(-1)!.headers.get('cookie'), ['tool_session=abc.def']);
});
