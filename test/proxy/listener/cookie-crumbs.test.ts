import t from 'tap';
import { sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

t.test('C2 Cookie is one field in however many pieces it comes (RFC 9113 section 8.2.3)', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, raw } = gateway;
  const { cookie } = await gateway.signIn();
  const small = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}=v`);
  const overHttp2 = (crumbs: string[], more: Record<string, string> = {}) =>
    sendHttp2(raw, { ':path': '/x', ':authority': 'echo.localhost', cookie: crumbs, ...more });
  const overHttp1 = (crumbs: string[], fields = '') =>
    sendRaw(
      raw,
      `GET /x HTTP/1.1\r\nHost: echo.localhost\r\n${crumbs.map((crumb) => `Cookie: ${crumb}\r\n`).join('')}${fields}Connection: close\r\n\r\n`,
    );
  const received = (): string[] | undefined => recorder.requests[0]?.headers.get('cookie');
  t.beforeEach(() => recorder.reset());

  const ways = {
    'HTTP/2': overHttp2,
    'HTTP/1.1': overHttp1,
    'HTTP/1.1 by the other parser': (crumbs: string[]) => overHttp1(crumbs, 'TE: trailers\r\n'),
  };
  for (const [way, send] of Object.entries(ways)) {
    await t.test(`over ${way}`, async (t) => {
      for (const count of [89, 90, 99, 180, 600]) {
        recorder.reset();
        const crumbs = small(count);
        const answer = await send([...crumbs.slice(0, 7), cookie, ...crumbs.slice(7)]);
        t.equal(answer.status, 200, `${count} pieces`);
        t.strictSame(received(), [crumbs.join('; ')], 'joined, every byte of it, without our own');
      }
      recorder.reset();
      const layouts: [crumbs: string[], seen: string[] | undefined][] = [
        [[`a=1; ${cookie}`, 'b=2'], ['a=1; b=2']],
        [[`${cookie}; a=1`, '__Host-knot-handoff=x; b=2'], ['a=1; b=2']],
        [['a=1; __Host-kn', `ot=x`, cookie], ['a=1; __Host-kn; ot=x']],
        [['a="x;', cookie, 'y"'], ['a="x;; y"']],
        [[cookie], undefined],
      ];
      for (const [crumbs, seen] of layouts) {
        recorder.reset();
        t.equal((await send(crumbs)).status, 200);
        t.strictSame(received(), seen, crumbs.join(' | ').replace(cookie, 'OWN'));
      }
      recorder.reset();
      t.equal((await send([cookie, 'a=1', cookie])).status, 401, 'our own cookie twice is nobody');
      const bomb = Array.from({ length: 40 }, (_, index) => `k${index}=${'v'.repeat(1_000)}`);
      t.equal((await send([cookie, ...bomb])).status, 431, 'its bytes are bounded');
      t.equal(recorder.requests.length, 0);
      const crowd = Array.from({ length: 1_500 }, () => 'a=1;b=2;c');
      const answer = await send([cookie, ...crowd]).catch(() => ({ status: 0 }));
      if (answer.status === 200) t.strictSame(received(), [crowd.join('; ')], 'nothing is left out in silence');
      else t.equal(recorder.requests.length, 0);
    });
  }

  await t.test('neighbour: other fields count one by one', async (t) => {
    const fields = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-a${index}`, 'b']));
    t.equal((await overHttp2([cookie], fields)).status, 431);
    t.equal(recorder.requests.length, 0);
  });
});
