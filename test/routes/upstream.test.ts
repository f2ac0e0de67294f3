import fc from 'fast-check';
import t from 'tap';
import { parseUpstream, socketUpstream, upstreamAddress } from '../../gateway/routes/index.ts';

const loopback = { allowLoopback: true };

t.test('plain addresses are taken apart', async (t) => {
  const rows = [
    ['http://10.0.0.7:3100', 'http:', '10.0.0.7', 3100],
    ['https://hub.example.org', 'https:', 'hub.example.org', 443],
    ['http://hub-1.svc.cluster.local/', 'http:', 'hub-1.svc.cluster.local', 80],
    ['http://[::1]:8000', 'http:', '::1', 8000],
    ['http://localhost:9000', 'http:', 'localhost', 9000],
    ['https://xn--bcher-kva.example', 'https:', 'xn--bcher-kva.example', 443],
  ] as const;
  for (const [address, protocol, hostname, port] of rows) {
    t.strictSame(parseUpstream(address, loopback), { protocol, hostname, port, allowLoopback: true }, address);
  }
  t.equal(parseUpstream('https://h', { ca: 'PEM' }).ca, 'PEM');
});

t.test('what a URL parser would repair, hide or read differently is refused', async (t) => {
  const rows: [string, RegExp][] = [
    ['http://user:secret@h:1', /user name and password/],
    ['http://h@evil', /user name/],
    ['http://h%2e:80', /percent/],
    ['http://%31%30.0.0.1', /percent/],
    ['http://bücher.example', /ASCII/],
    ['http://ｈ.example', /ASCII/],
    ['http://h\u3002example', /ASCII/],
    ['http://[::1%25eth0]:80', /percent/],
    ['http://[fe80::1%eth0]', /percent/],
    ['http://127.1', /dotted-decimal/],
    ['http://2130706433', /dotted-decimal/],
    ['http://0x7f000001', /dotted-decimal/],
    ['http://0x7f.1', /dotted-decimal/],
    ['http://010.0.0.1', /dotted-decimal/],
    ['http://10.0.0.256', /dotted-decimal/],
    ['http://10.0.0.1.', /host name/],
    ['http://h:0', /1 to 65535/],
    ['http://h:65536', /1 to 65535/],
    ['http://h:080', /start with 0/],
    ['http://h:', /form/],
    ['http://h:80/a', /path/],
    ['http://h?x', /path, query/],
    ['http://h#x', /path, query/],
    ['http://h\\@evil', /user name/],
    ['http://h\\evil', /form/],
    ['HTTP://h', /lower case/],
    ['http://H', /lower case/],
    ['ftp://h', /http:\/\//],
    ['//h', /http:\/\//],
    ['h:80', /http:\/\//],
    ['http:/h', /http:\/\//],
    ['http://', /form/],
    ['http://-h', /host name/],
    ['http://a..b', /host name/],
    ['http://a_b', /form/],
    ['http://[1.2.3.4]', /IPv6/],
    ['http://[::g]', /form/],
    [' http://h', /http:\/\//],
    ['http://h\n', /ASCII|form/],
    ['http://h h', /form/],
    ['http://169.254.169.254', /nothing may be reached/],
    ['http://0.0.0.0:80', /nothing may be reached/],
    ['http://[::]:80', /nothing may be reached/],
    ['http://[fe80::1]', /nothing may be reached/],
    ['http://[::ffff:169.254.169.254]', /nothing may be reached/],
    ['http://255.255.255.255', /nothing may be reached/],
  ];
  for (const [address, reason] of rows) {
    t.throws(
      () => parseUpstream(address, loopback),
      { code: 'KNOT_ROUTES_UPSTREAM_INVALID', message: reason },
      address,
    );
  }
});

t.test('this machine is an upstream only where the route says so', async (t) => {
  for (const host of [
    'localhost',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
  ]) {
    t.throws(() => parseUpstream(`http://${host}:80`), { message: /points at this machine/ }, host);
    t.doesNotThrow(() => parseUpstream(`http://${host}:80`, loopback), host);
  }
});

t.test('a URL parser agrees with what is accepted, and the address survives a round trip', async (t) => {
  const piece = fc.constantFrom(
    'a',
    'h1',
    '-',
    '.',
    '0',
    '7f',
    '127',
    '0x1',
    'x',
    ':',
    '[',
    ']',
    '::1',
    '@',
    '%',
    '/',
    '80',
    'ö',
    '\\',
    ' ',
    '?',
    '#',
    'A',
  );
  const address = fc
    .tuple(fc.constantFrom('http://', 'https://'), fc.array(piece, { maxLength: 8 }))
    .map(([scheme, rest]) => scheme + rest.join(''));
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        address,
        fc.webAuthority().map((authority) => `http://${authority}`),
      ),
      (text) => {
        let upstream;
        try {
          upstream = parseUpstream(text, loopback);
        } catch {
          return true;
        }
        accepted += 1;
        const url = new URL(text);
        const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
        const again = parseUpstream(upstreamAddress(upstream), loopback);
        return (
          url.username === '' &&
          url.pathname === '/' &&
          port === upstream.port &&
          (url.hostname === upstream.hostname || url.hostname.startsWith('[')) &&
          JSON.stringify(again) === JSON.stringify(upstream)
        );
      },
    ),
    { numRuns: 5000 },
  );
  t.ok(accepted > 50, `${accepted} accepted`);
});

t.test('the socket of a service is an absolute, plain path that the system can dial', async (t) => {
  t.match(socketUpstream('/run/knot/s1/http.sock'), { socket: '/run/knot/s1/http.sock', allowLoopback: true });
  for (const path of [
    'http.sock',
    '/run/../etc/x',
    '/run/./x',
    '/run//x',
    '/run/a b',
    '/run/x\0',
    `/${'a'.repeat(107)}`,
    '/',
  ])
    t.throws(() => socketUpstream(path), { code: 'KNOT_ROUTES_UPSTREAM_INVALID' }, path);
});
