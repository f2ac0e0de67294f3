import t from 'tap';
import { isKubeFault, kinds } from '../../gateway/kube/index.ts';
import { createManualClock } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { openFake } from '../support/kube/open.ts';

t.test('clocks that differ are told, and what the cluster wrote is compared with its own time', async (t) => {
  const clock = createManualClock();
  const { fake, kube } = await openFake(t, { clock });
  t.equal(kube.now(), clock.now());
  for (const [aheadMs, message] of [
    [-720_000, /clock of this gateway is 12 min ahead of that of the cluster/],
    [3 * 3_600_000, /3 h behind/],
  ] as const) {
    fake.clockAheadMs = aheadMs;
    clock.advance(120_000);
    await kube.list(kinds.secret);
    t.match(kube.health(), { name: 'cluster', status: 'warning', message, remedy: /NTP/ });
    t.ok(Math.abs(kube.now() - clock.now() - aheadMs) <= 1000);
  }
  fake.clockAheadMs = 0;
  await kube.list(kinds.secret);
  t.match(kube.health(), { status: 'ok' }, 'as soon as they agree');
  t.equal(kube.now(), clock.now());
});

t.test(
  'the page of health tells whether the cluster answers, since when not, and how old what is known is',
  async (t) => {
    const clock = createManualClock();
    const { fake, kube } = await openFake(t, { clock });
    t.strictSame(kube.health(), { name: 'cluster', status: 'ok', message: 'It answers.' });
    await kube.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'ann' } });
    const cache = kube.watch(kinds.secret);
    await cache.ready;
    await eventually('the watch', () => fake.watchers() === 1);
    t.match(kube.health(), { status: 'ok', message: 'It answers. Objects that are followed: 1.' });

    fake.fail('reset', () => true, 1000);
    fake.cut();
    await eventually('it is seen', () => cache.health().lastFault);
    await kube.list(kinds.secret).catch(() => undefined);
    t.match(kube.health(), { status: 'ok' }, 'what may be over at once troubles nobody');
    clock.advance(200_000);
    const away = kube.health();
    t.match(away, { name: 'cluster', status: 'failed', remedy: /API server/ });
    t.equal(away.message, 'The cluster has not answered for 3 min. What is known of it is up to 3 min old.');
    t.notMatch(JSON.stringify(away), /localhost|:\d{4}|ann/);
    fake.recover();
    await eventually('it is well', () => kube.health().status === 'ok');

    fake.fail({ status: 403, reason: 'Forbidden' }, () => true, 1000);
    fake.cut();
    const refused = () => isKubeFault(cache.health().lastFault?.error, 'KNOT_KUBE_FORBIDDEN');
    await eventually('it is refused', () => kube.health().status === 'ok' && refused());
    clock.advance(60_000);
    await eventually('it is told', () => kube.health().status === 'warning');
    t.match(kube.health(), { message: /^What happens to these is not seen: secrets\. The cluster refused/ });
    const never = kube.watch(kinds.pod);
    await eventually('it fails', () => never.health().lastFault);
    clock.advance(60_000);
    t.match(
      kube.health(),
      { status: 'failed', message: /secrets, pods/ },
      'what was never seen is worse than what is old',
    );
    never.close();
    t.match(kube.health(), { status: 'warning' }, 'nobody waits for what is closed');
  },
);
