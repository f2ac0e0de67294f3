import t from 'tap';
import { guestOf } from '../../../gateway/shares/index.ts';
import { eventually } from '../../support/eventually.ts';
import { openRaw, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

t.test('whoever comes by a link is a guest, wherever a name is told', async (t) => {
  const principal = guestOf({ id: '1' });
  const times = { startedAt: 0, authenticatedAt: 0, expiresAt: Infinity };
  const session = { id: 'guest:1:b', centralId: 'guest:1:b', userId: principal.id, host: 'site.localhost', ...times };
  let visitor: { session: typeof session; principal: typeof principal } | null = { session, principal };
  const gateway = await openGateway(t, {
    guests: { peek: () => visitor, find: async () => visitor, redeem: async () => undefined },
  });
  await gateway.routes.put({
    ...{ ...gateway.echo, host: 'site.localhost', name: 'site', kind: 'service', title: 'site' },
    service: { id: 's', label: 'site', owner: 'ann', isTeam: false },
  });
  const host = `site.localhost:${gateway.port}`;
  const { status } = await sendRaw(gateway.raw, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  t.equal(status, 200);
  t.strictSame(gateway.recorder.requests[0]!.headers.get('x-knot-user'), ['guest'], 'to the service');
  t.match(gateway.entries.at(-1), { user: 'guest', route: 'site' }, 'in the access log');

  gateway.recorder.answerWith(() => 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n');
  const stream = await openRaw(gateway.raw);
  t.teardown(() => stream.destroy());
  stream.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
  await eventually('it lasts', () => gateway.live.count() === 1);
  visitor = null;
  await gateway.live.rejudge();
  t.match(gateway.cuts, [{ host: 'site.localhost', username: 'guest' }], 'of what is cut');
});
