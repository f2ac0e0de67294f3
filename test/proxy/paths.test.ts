import t from 'tap';
import { refusals } from '../../gateway/lib/index.ts';
import { sendHttp2, sendRaw } from '../support/net/raw-client.ts';
import { pathRows } from './catalogue/paths.ts';
import { openGateway } from './fixture.ts';

t.test('request targets are forwarded byte for byte or refused with a reason', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, entries, raw } = gateway;
  const origin = {
    'echo.localhost': gateway.address.originOf('echo.localhost'),
    'open.localhost': gateway.address.originOf('open.localhost'),
  };
  const cookies = {
    'echo.localhost': (await gateway.signIn('echo.localhost')).cookie,
    'open.localhost': (await gateway.signIn('open.localhost')).cookie,
  };
  type Host = keyof typeof cookies;

  const send = {
    h1: (host: Host, method: string, target: string) =>
      sendRaw(
        raw,
        `${method} ${target} HTTP/1.1\r\nHost: ${host}:${gateway.port}\r\nCookie: ${cookies[host]}\r\nOrigin: ${origin[host]}\r\nConnection: close\r\n\r\n`,
      ),
    h2: (host: Host, method: string, target: string) =>
      sendHttp2(raw, {
        ':method': method,
        ':path': target,
        ':authority': `${host}:${gateway.port}`,
        ':scheme': 'https',
        cookie: cookies[host],
        origin: origin[host],
      }),
  };

  for (const protocol of ['h1', 'h2'] as const) {
    for (const row of pathRows) {
      const method = row.method ?? 'GET';
      if (protocol === 'h2' && 'onlyHttp1' in row && row.onlyHttp1) continue;
      const name = `${row.row} ${protocol} ${method} ${row.target.slice(0, 40)}`;
      await t.test(name, async (t) => {
        recorder.reset();
        entries.length = 0;
        const answer = await send[protocol]('echo.localhost', method, row.target);
        if ('passes' in row) {
          t.equal(answer.status, 200);
          t.equal(recorder.requests.length, 1, 'one request in, one out');
          t.equal(recorder.requests[0]?.target, row.target, 'the same bytes');
          return;
        }
        if (protocol === 'h2' && answer.status === 0) return t.equal(recorder.bytes(), '', 'refused by the protocol');
        t.equal(answer.status, refusals[row.refused].status);
        t.equal(recorder.bytes(), '', 'nothing reaches the upstream');
        t.equal(entries.at(-1)?.reason, row.refused, 'the log names the reason');
        if ('isClosed' in answer) t.ok(answer.isClosed, 'the connection is closed');
        if (row.isOpenFine !== true) return;
        const opted = await send[protocol]('open.localhost', method, row.target);
        t.equal(opted.status, 200, 'a route that opts in gets it');
        t.equal(recorder.requests[0]?.target, row.target, 'the same bytes');
      });
    }
  }

  await t.test('P10 the query is no part of what is judged', async (t) => {
    let judged = '';
    gateway.decideWith(({ context }) => {
      judged = context.path;
      return { effect: 'allow', rules: [], policyVersion: 'x', reason: 'permit' };
    });
    await send.h1('echo.localhost', 'GET', '/admin?x=/public/health');
    t.equal(judged, '/admin');
    await send.h1('echo.localhost', 'GET', '/%61dmin/%252e');
    t.equal(judged, '/admin/%2e', 'P6 and P12: judged once decoded');
  });

  await t.test('the process still answers', async (t) =>
    t.equal((await send.h1('echo.localhost', 'GET', '/')).status, 200),
  );
});
