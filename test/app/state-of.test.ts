import t from 'tap';
import { servicesInProxy } from '../../gateway/app/state-of.ts';
import { guestOf } from '../../gateway/shares/index.ts';

t.test('a guest who wakes a service is recorded as one', async (t) => {
  const woken: [string, string][] = [];
  const { wake } = servicesInProxy({
    services: { tile: () => undefined, visited: (id, actor) => void woken.push([id, actor]) },
    policy: { decide: () => t.fail('nobody is asked') as never },
    routes: { resourceAt: () => t.fail('nor is anything looked up') as never },
    sharedOn: () => undefined,
    publicAddress: { origin: 'https://localhost' } as never,
  });
  const asking = (principal: object) =>
    ({ route: { service: { id: 's' } }, canonical: {}, visitor: { session: {}, principal } }) as never;
  wake(asking(guestOf({ id: '1' })));
  wake(asking({ state: 'active', username: 'ann' }));
  t.strictSame(woken, [
    ['s', 'guest'],
    ['s', 'ann'],
  ]);
});
