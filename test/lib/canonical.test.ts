import fc from 'fast-check';
import t from 'tap';
import {
  addressBlocks,
  canonicalize,
  clientAddress,
  cookieValues,
  isAcceptableSetCookie,
  plainAddress,
  readHost,
  readTarget,
  refusals,
  refusedOddity,
  withoutOwnCookies,
} from '../../gateway/lib/index.ts';
import { anyCharacter } from '../support/any-character.ts';

const nobody = addressBlocks([]);
const strict = { encodedSlash: false };
const received = (target: string, rawHeaders: string[] = ['Host', 'a.example'], method = 'GET') => ({
  method,
  target,
  rawHeaders,
  protocol: 'h1' as const,
  httpVersion: '1.1',
  peerAddress: '192.0.2.1',
  isUpgrade: false,
});

/** Pieces that hostile targets are made of, so that random ones come near the rules. */
const piece = fc.constantFrom(
  ...[
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%00',
    '%',
    '%25',
    '%252e',
    '\\',
    ';',
    '#',
    '?',
    'a',
    'admin',
    ' ',
    '\t',
    '\x7f',
  ],
  ...[
    'é',
    '%c3%a9',
    '%c0%ae',
    '%ff',
    '%zz',
    '"',
    '<',
    '*',
    'http://x/',
    ':443',
    '@',
    '&',
    '=',
    '%3b',
    '%23',
    '%3f',
    '\r\n',
    '\0',
  ],
);
const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

t.test('property: what is accepted is forwarded as it is and means one path only', async () => {
  fc.assert(
    fc.property(fc.oneof(target, fc.string()), (text) => {
      const canonical = canonicalize(received(text), nobody);
      if (typeof canonical === 'string') return canonical in refusals;
      const { path, query, decodedPath, target: forwarded } = canonical;
      if (forwarded !== text || path + query !== text) return false;
      if (/[^\x21-\x7e]|#/.test(text) || path.includes('\\') || path.startsWith('//')) return false;
      if (decodedPath !== decodeURIComponent(path)) return false;
      const segments = decodedPath.split(/[/\\]/).map((segment) => segment.split(';')[0]);
      if (segments.includes('.') || segments.includes('..')) return false;
      if (refusedOddity(canonical.oddities, strict) !== undefined) return true;
      // On a strict route a browser's reading of the path is ours, and it has no second one.
      return decodeURIComponent(new URL(`https://h${path}`).pathname) === decodedPath && !/\/\/|[;\\]/.test(path);
    }),
    { numRuns: 20_000, seed: 4711 },
  );
});

t.test('property: any path of plain segments passes (nothing is over-blocked)', async () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_~!$&'()*+,=:@"<>^`{|}.-]{1,12}$/).filter((text) => !text.endsWith('.'));
  const segment = fc.oneof(
    name,
    fc
      .string({ minLength: 1, unit: anyCharacter })
      .map((text) => text.toWellFormed().replace(/[/\\\0.]/g, 'x'))
      .map(encodeURIComponent),
  );
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), fc.webQueryParameters(), (segments, query) => {
      const path = `/${segments.join('/')}`;
      const facts = readTarget(`${path}?${query.replace(/[#\s]/g, '')}`);
      return typeof facts !== 'string' && facts.path === path && refusedOddity(facts.oddities, strict) === undefined;
    }),
    { numRuns: 5_000, seed: 4711 },
  );
});

t.test('property: a host is one plain name in lower case, whatever its casing was', async () => {
  const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,10}[A-Za-z0-9])?$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), fc.option(fc.nat(65_535)), (labels, port) => {
      const host = labels.join('.');
      return readHost(port === null ? host : `${host}:${port}`) === host.toLowerCase();
    }),
    { seed: 4711 },
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const host = readHost(text);
      return host === undefined || /^[a-z0-9.-]+$|^\[[0-9a-f:.]+\]$/.test(host);
    }),
    { numRuns: 5_000, seed: 4711 },
  );
});

t.test('a host field that is not a plain host is none', async (t) => {
  for (const text of [
    '',
    'a b',
    'a,b',
    'a@b',
    'a/b',
    'a:80x',
    'a:',
    'a.',
    '.a',
    'a..b',
    'a_b',
    '-a',
    'a-',
    `${'a'.repeat(64)}.b`,
    'é',
    'a\0',
    '[::1',
    '[zz]',
  ]) {
    t.equal(readHost(text), undefined, JSON.stringify(text));
  }
  t.equal(readHost('[::1]:8443'), '[::1]');
  t.equal(readHost(`${'a'.repeat(63)}.b`), `${'a'.repeat(63)}.b`);
});

t.test('header facts are collected once, and repeated ones are refused', async (t) => {
  const canonical = canonicalize(
    received('/x', [
      'Host',
      'A.example:1',
      'cookie',
      'a=1',
      'X-Any',
      '1',
      'Cookie',
      'b=2',
      'Accept',
      'x',
      'accept',
      'y',
    ]),
    nobody,
  );
  t.match(canonical, { host: 'a.example', cookie: 'a=1; b=2', accept: 'x, y' });
  for (const name of ['Origin', 'Authorization', 'Content-Length', 'Sec-Fetch-Site', 'User-Agent', 'Upgrade']) {
    t.equal(
      canonicalize(received('/x', ['Host', 'a', name, '1', name.toLowerCase(), '1']), nobody),
      'repeated_header',
      name,
    );
  }
});

t.test('framing is judged here too, whatever the parser in front lets through', async (t) => {
  const judge = (headers: string[], more: object = {}) =>
    canonicalize({ ...received('/x', ['Host', 'a', ...headers]), ...more }, nobody);
  const chunked = ['Transfer-Encoding', 'chunked'];
  t.equal(judge([...chunked, 'Content-Length', '5']), 'ambiguous_length');
  t.equal(judge(['Content-Length', '5', ...chunked]), 'ambiguous_length');
  t.equal(judge(chunked, { protocol: 'h2', httpVersion: '2.0' }), 'transfer_encoding_version');
  t.equal(judge(chunked, { httpVersion: '1.0' }), 'transfer_encoding_version');
  for (const length of ['+5', '5 ', '', '0x5', '-1', '1e3', '9'.repeat(16)]) {
    t.equal(judge(['Content-Length', length]), 'content_length', length);
  }
  t.match(judge(chunked), { isChunked: true, contentLength: undefined });
  t.match(judge(['Content-Length', '5']), { isChunked: false, contentLength: 5 });
});

t.test('the client address comes from trusted proxies, rightmost first', async (t) => {
  const trusted = addressBlocks(['10.0.0.0/8', '::1', 'fd00::/8', '::ffff:172.16.0.0/108']);
  t.equal(clientAddress('10.1.1.1', '6.6.6.6, 203.0.113.9, 10.2.2.2', trusted), '203.0.113.9');
  t.equal(clientAddress('::ffff:10.1.1.1', '2001:db8::7', trusted), '2001:db8::7');
  t.equal(clientAddress('172.16.5.5', '203.0.113.9', trusted), '203.0.113.9');
  t.equal(clientAddress('192.0.2.1', '203.0.113.9', trusted), '192.0.2.1', 'an untrusted peer is the client');
  t.equal(clientAddress('10.1.1.1', 'a, 10.3.3.3', trusted), '10.3.3.3', 'what cannot be read ends the walk');
  for (const cidr of ['10.0.0.0/33', '10.0.0/8', 'x', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '010.0.0.1']) {
    t.throws(() => addressBlocks([cidr]), RangeError, cidr);
  }
  t.equal(plainAddress('::FFFF:1.2.3.4'), '1.2.3.4');
  t.equal(plainAddress('fe80::1%eth0'), 'fe80::1');
  t.equal(plainAddress('1.2.3.256'), undefined);
});

t.test('the trace of a request is read from a trusted peer alone, and only when it is there', async (t) => {
  const trusted = addressBlocks(['10.0.0.0/8', 'fd00::/8']);
  const ask = (peerAddress: string, fields: string[], blocks = trusted) => {
    const canonical = canonicalize({ ...received('/', ['Host', 'a.example', ...fields]), peerAddress }, blocks);
    return typeof canonical === 'string' ? canonical : canonical.receivedTrace;
  };
  const fields = ['TraceParent', '00-a', 'tracestate', 'a=1', 'TRACESTATE', 'b=2', 'baggage', 'k=v'];
  const read = { traceParent: '00-a', traceState: 'a=1, b=2', baggage: 'k=v' };
  for (const peer of ['10.1.1.1', '::ffff:10.1.1.1', 'fd00::1']) t.strictSame(ask(peer, fields), read, peer);
  for (const peer of ['192.0.2.1', '::1', '', 'not an address']) t.equal(ask(peer, fields), undefined, peer);
  t.equal(ask('10.1.1.1', fields, nobody), undefined);
  t.equal(ask('192.0.2.1', [...fields, 'X-Forwarded-For', '10.1.1.1']), undefined, 'the peer, not the client');
  t.equal(ask('10.1.1.1', ['tracestate', 'a=1']), undefined);
  t.match(ask('10.1.1.1', ['baggage', 'k=v']), { traceParent: undefined, baggage: 'k=v' });
  t.match(ask('10.1.1.1', ['traceparent', 'a', 'traceparent', 'b']), { traceParent: 'a, b' });
});

t.test('property: cookies of the application survive byte for byte, ours never', async () => {
  const pair = fc.tuple(
    fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/),
    fc.stringMatching(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{0,12}$/),
  );
  fc.assert(
    fc.property(fc.array(pair), fc.nat(5), (pairs, at) => {
      const foreign = pairs.map(([name, value]) => `${name}=${value}`).filter((text) => !/__host-knot/i.test(text));
      const all = [...foreign.slice(0, at), '__Host-knot=secret', ...foreign.slice(at)];
      return (withoutOwnCookies(all.join('; ')) ?? '') === foreign.join('; ');
    }),
    { seed: 4711 },
  );
});

t.test('cookie values are read by exact name, and setting is limited to the own host', async (t) => {
  t.strictSame(cookieValues('a=1; __Host-knot=x;__Host-knot = y; __host-knot=z', '__Host-knot'), ['x', 'y']);
  t.strictSame(cookieValues(undefined, 'a'), []);
  t.ok(isAcceptableSetCookie('a=1; Path=/', 'a.example'));
  t.ok(isAcceptableSetCookie('a=1; Domain=.A.example', 'a.example'));
  t.ok(isAcceptableSetCookie('a=Domain=example', 'a.example'));
  for (const cookie of [
    'a=1; Domain=example',
    'a=1;DOMAIN = .example',
    '__Host-knot=1',
    '=__Host-Knot=1',
    'a=1; Domain=b.example',
  ]) {
    t.notOk(isAcceptableSetCookie(cookie, 'a.example'), cookie);
  }
});
