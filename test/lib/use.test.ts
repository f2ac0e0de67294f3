import t from 'tap';
import { addressBlocks, type CanonicalRequest, canonicalize, isVisit, Ticks, Use } from '../../gateway/lib/index.ts';

const request = (path = '/', facts: Partial<CanonicalRequest> = {}): CanonicalRequest =>
  ({
    ...{ method: 'GET', path, decodedPath: path, isUpgrade: false, accept: '*/*', fetchMode: 'cors' },
    ...facts,
  }) as CanonicalRequest;

/** As the edge reads it. */
function received(...rawHeaders: string[]): CanonicalRequest {
  const parts = { method: 'GET', target: '/lab', rawHeaders: ['Host', 'x.example.org', ...rawHeaders] };
  const how = { protocol: 'h1', httpVersion: '1.1', peerAddress: '192.0.2.1', isUpgrade: false } as const;
  return canonicalize({ ...parts, ...how }, addressBlocks([])) as CanonicalRequest;
}

/** How often a Use was used by requests at these times. */
function uses(of: [at: number, CanonicalRequest][], use = new Use()): boolean[] {
  return of.map(([at, each]) => use.noteRequest(each, at));
}

t.test('what people ask for is use, with the time of it', async (t) => {
  const use = new Use();
  t.equal(use.lastAt, 0);
  t.ok(use.noteRequest(request('/lab'), 10));
  t.equal(use.lastAt, 10);
  t.strictSame(
    uses(
      [
        [500, request('/a')],
        [1700, request('/a')],
        [9000, request('/a')],
        [9800, request('/a')],
      ],
      use,
    ),
    [true, true, true, true],
  );
  t.equal(use.lastAt, 9800);
});

t.test('what nobody asked for is none', async (t) => {
  for (const unasked of [
    request('/favicon.ico'),
    request('/robots.txt'),
    request('/apple-touch-icon.png'),
    request('/.well-known/traffic-advice'),
    received('Sec-Purpose', 'prefetch;prerender'),
    received('purpose', 'prefetch', 'Sec-Fetch-Mode', 'navigate'),
    received('X-Moz', 'prefetch'),
    received('X-Purpose', 'preview'),
    received('Sec-Purpose', 'something', 'Purpose', 'prefetch'),
    received('Purpose', 'something', 'purpose', 'prefetch'),
  ]) {
    const use = new Use();
    t.notOk(use.noteRequest(unasked, 10), unasked.path);
    t.equal(use.lastAt, 0);
    t.notOk(isVisit({ ...unasked, fetchMode: 'navigate' }));
  }
  const use = new Use();
  use.quietPaths = ['/api/status', '/poll/'];
  t.strictSame(
    uses(
      [
        [1, request('/api/status')],
        [2, request('/api/status/x')],
        [3, request('/poll/1')],
      ],
      use,
    ),
    [false, false, false],
  );
  t.ok(use.noteRequest(request('/api/statuses'), 4));
});

t.test('a page that asks by a timer is not a person: one tab, two tabs, late timers', async (t) => {
  const polls = (...times: number[]) => uses(times.map((at) => [at, request('/api/kernels')]));
  t.strictSame(polls(0, 10_000, 20_010, 29_990, 40_400), [true, true, false, false, false]);
  const two = polls(0, 3_000, 10_000, 13_000, 20_000, 23_000, 30_000, 33_000);
  t.strictSame(two.slice(3), [false, false, false, false, false]);
  // Somebody opens it at an even pace: it is they who do.
  t.strictSame(uses([0, 1000, 2000, 3000].map((at) => [at, request('/', { fetchMode: 'navigate' })])), [
    true,
    true,
    true,
    true,
  ]);
});

t.test('messages of somebody who types are no ticks, those of a clock are', async (t) => {
  const ticks = new Ticks();
  const beat = [0, 25_000, 50_003, 75_020, 100_001].map((at) => ticks.isTick(1, at));
  t.strictSame(beat, [false, false, true, true, true]);
  const typed = [100, 260, 700, 790, 1_900, 2_050, 3_600, 3_800].map((at) => ticks.isTick(13, at));
  t.ok(typed.filter((isTick) => !isTick).length >= 4);
  t.equal(new Ticks().isTick(13, 5), false);
});

t.test('a page that somebody opens is a visit, and nothing else', async (t) => {
  const page = request('/lab', { fetchMode: 'navigate', accept: 'text/html', userAgent: 'Mozilla/5.0 Chrome/150' });
  t.ok(isVisit(page));
  t.ok(isVisit({ ...page, fetchMode: undefined }), 'of a browser that does not say');
  for (const [what, facts] of Object.entries<Partial<CanonicalRequest>>({
    HEAD: { method: 'HEAD' },
    'a form': { method: 'POST' },
    'a script': { fetchMode: 'cors' },
    'an image': { fetchMode: 'no-cors', accept: 'image/*' },
    curl: { fetchMode: undefined, accept: '*/*', userAgent: 'curl/8' },
    'a WebSocket': { isUpgrade: true, fetchMode: 'websocket' },
    'who follows links': { userAgent: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://x)' },
    'a preview': { userAgent: 'Slackbot-LinkExpanding 1.0' },
  }))
    t.notOk(isVisit({ ...page, ...facts }), what);
});
