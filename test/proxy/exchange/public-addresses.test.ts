import t from 'tap';
import { defaultLimits, type PublicAddress, publicAddress } from '../../../gateway/config/index.ts';
import { publicValue } from '../../../gateway/proxy/exchange/public-addresses.ts';
import { createUpstreams } from '../../../gateway/proxy/upstream/upstreams.ts';
import { parseUpstream, type Route } from '../../../gateway/routes/index.ts';

const address: PublicAddress = publicAddress({ domain: 'knot.test', publicPort: 443 }, 8443);

async function targetOf(upstream: string) {
  const guard = { ownPorts: () => [] };
  const upstreams = createUpstreams({ publicAddress: address, limits: defaultLimits, guard });
  t.teardown(() => upstreams.close());
  return upstreams.target({
    host: 'echo.knot.test',
    name: 'echo',
    upstream: parseUpstream(upstream, { allowLoopback: true }),
  } as Route);
}

t.test('U5 an upstream is known by its address in every form that browsers read alike', async (t) => {
  for (const [upstream, forms, others] of [
    [
      'http://[fd00::1]:80',
      ['http://[fd00::1]', 'http://[fd00::1]:80', 'HTTP://[FD00::1]', '//[fd00::1]', 'http://knot:pw@[fd00::1]'],
      ['https://[fd00::1]', 'http://[fd00::1]:8080', 'http://fd00::1:81', 'http://[fd00::12]'],
    ],
    [
      'https://app.internal:443',
      ['https://app.internal', 'https://APP.internal:443', '//app.internal', 'https://u@app.internal:443'],
      ['http://app.internal', 'https://app.internal.evil', 'https://app.internal@evil', 'https://u@v@evil'],
    ],
    [
      'http://127.0.0.1:8000',
      ['http://127.0.0.1:8000', 'http://a:b@127.0.0.1:8000', '//a@127.0.0.1:8000', 'http://@127.0.0.1:8000'],
      [
        'http://127.0.0.1',
        'http://a@127.0.0.1:8000@evil',
        'http://evil/@127.0.0.1:8000',
        'http://evil?@127.0.0.1:8000',
      ],
    ],
  ] as const) {
    const target = await targetOf(upstream);
    for (const form of forms) {
      for (const rest of ['', '/a?b#c', '?q', '#f'])
        t.equal(publicValue('location', form + rest, target), `https://echo.knot.test${rest}`, form + rest);
    }
    for (const other of others) t.equal(publicValue('location', `${other}/a`, target), `${other}/a`, other);
  }
});
