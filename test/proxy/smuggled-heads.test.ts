import t from 'tap';
import { type ReasonCode, refusals } from '../../gateway/lib/index.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { headRows } from './catalogue/heads.ts';
import { openGateway } from './fixture.ts';

t.test('heads and framings pass as they are or are refused before any upstream hears of them', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, entries, raw } = gateway;
  const { cookie } = await gateway.signIn();
  const fill = (bytes: string): string =>
    bytes
      .replaceAll('HOST', `echo.localhost:${gateway.port}`)
      .replaceAll('COOKIE', cookie)
      .replaceAll('ORIGIN', gateway.address.originOf('echo.localhost'));

  for (const row of headRows) {
    await t.test(`${row.row} ${row.name}`, async (t) => {
      recorder.reset();
      entries.length = 0;
      const answer = await sendRaw(raw, fill(row.bytes));
      if ('passes' in row) {
        t.equal(answer.status, 200);
        t.equal(recorder.requests.length, 1, 'one request in, one out');
        return;
      }
      const reasons: readonly ReasonCode[] | undefined = row.refused === undefined ? undefined : [row.refused].flat();
      const statuses: readonly number[] = reasons?.map((reason) => refusals[reason].status) ?? row.status!;
      t.ok(statuses.includes(answer.status), `status ${answer.status} is one of ${statuses.join(', ')}`);
      t.equal(recorder.requests.length, 0, 'no request reaches the upstream');
      t.ok(answer.isClosed, 'the connection is closed');
      t.notMatch(answer.bytes.slice(9), /HTTP\/1\.1 200/, 'nothing after it is answered');
      if (reasons) t.ok(reasons.includes(entries.at(-1)?.reason as ReasonCode), `reason ${entries.at(-1)?.reason}`);
      t.notOk(answer.headers.has('set-cookie'), 'no cookie is set');
    });
  }

  await t.test('the process still answers', async (t) => {
    const answer = await sendRaw(raw, fill('GET / HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\n\r\n'));
    t.equal(answer.status, 200);
  });
});
