import t from 'tap';
import { refusedTarget } from '../../../gateway/proxy/upstream/dial.ts';
import { parseUpstream } from '../../../gateway/routes/index.ts';

const never = [
  '0.0.0.0',
  '169.254.169.254',
  '224.0.0.1',
  '239.255.255.250',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fd00:ec2::254',
  'ff02::1',
];
const upstream = parseUpstream('http://app.example.org:80', { allowLoopback: true });
const guard = { ownPorts: () => [] };

t.test('what may never be reached is refused where it is written down and where a name resolves to it', async (t) => {
  for (const address of never) {
    const written = address.includes(':') ? `[${address}]` : address;
    t.throws(
      () => parseUpstream(`http://${written}:80`, { allowLoopback: true }),
      { code: 'KNOT_ROUTES_UPSTREAM_INVALID' },
      address,
    );
    t.match(refusedTarget(address, upstream, guard), { code: 'KNOT_PROXY_TARGET_REFUSED' }, address);
  }
  for (const address of ['10.0.0.7', '192.168.1.1', '93.184.215.14', 'fd00::1', '2001:db8::1'])
    t.equal(refusedTarget(address, upstream, guard), undefined, `${address} is an upstream like any other`);
});
