import t from 'tap';
import { publicAddress } from '../../../gateway/config/index.ts';
import { createUpstreams } from '../../../gateway/proxy/upstream/upstreams.ts';
import type { Route } from '../../../gateway/routes/index.ts';
import { route } from '../../routes/support.ts';

function routeTo(name: string, port: number, facts: Partial<Route> = {}): Route {
  return route(name, { upstream: { protocol: 'http:', hostname: '127.0.0.1', port, allowLoopback: true }, ...facts });
}

t.test('a back end is shared by the routes that lead to it, and left with the last of them', async (t) => {
  const upstreams = createUpstreams({
    publicAddress: publicAddress({ domain: 'localhost' }, 8443),
    limits: { connectMs: 1000, answerHeaderBytes: 65_536, firstByteMs: 1000 } as never,
    guard: { ownPorts: () => [] },
  });
  t.teardown(() => upstreams.close());
  const [one, two, other] = [routeTo('one', 9001), routeTo('two', 9001), routeTo('other', 9002)];
  const { backend } = upstreams.target(one);
  t.equal(upstreams.target(two).backend, backend);
  const othersBackend = upstreams.target(other).backend;
  t.not(othersBackend, backend);
  const backendNow = (): unknown => upstreams.target(routeTo('probe', 9001)).backend;

  // It stays while a route leads there: another title, another route gone, a route nobody asked for.
  const renamed = routeTo('one', 9001, { title: 'One' });
  upstreams.follow([{ host: one.host, before: one, after: renamed }]);
  upstreams.follow([{ host: 'unasked.localhost', before: routeTo('unasked', 9001), after: undefined }]);
  upstreams.follow([{ host: two.host, before: two, after: undefined }]);
  t.equal(upstreams.target(renamed).backend, backend);
  t.equal(backendNow(), backend);
  upstreams.follow([{ host: 'probe.localhost', before: routeTo('probe', 9001), after: undefined }]);

  const moved = routeTo('one', 9003);
  upstreams.follow([{ host: one.host, before: renamed, after: moved }]);
  t.not(upstreams.target(moved).backend, backend);
  t.not(backendNow(), backend, 'nobody led there any more');
  t.equal(upstreams.target(other).backend, othersBackend);
});
