import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { caOf } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { startPrometheus } from '../support/process/prometheus.ts';

/** What a gateway with a real Prometheus behind it answers to people, programs and Grafana. */

const at = 1_700_000_000;
const series = (namespace: string | undefined, pod: string, value: number): string =>
  `up{${namespace === undefined ? '' : `namespace="${namespace}",`}pod="${pod}"} ${value} ${at}\n`;
const prometheus = await startPrometheus(
  `${series('knot-ada', 'web', 1)}${series('knot-bob', 'secret', 2)}${series('knot-team-physics', 'lab', 4)}${series(undefined, 'node', 8)}# EOF\n`,
);

if ('skip' in prometheus) t.pass('nothing to ask', { skip: prometheus.skip });
else {
  const people = await openPeople(t, {
    others: ['ada', 'bob'],
    config: {
      plans: [{ name: 'small', defaultFor: ['people'], cpu: 2, services: 3 }],
      metrics: { prices: { currency: 'EUR', cpuHour: 0.5 } },
      integrations: { jupyterhub: { mode: 'off' }, prometheus: { upstream: prometheus.url } },
    },
  });
  t.teardown(prometheus.stop);
  const { gateway, ann } = people;
  const [ada, bob] = [await people.person('ada'), await people.person('bob')];
  const made = await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' });
  const { id } = made.json<{ team: { id: string } }>().team ?? made.json<{ id: string }>();
  const added = await ann.api('PUT', `/teams/${id}/members/ada`, { role: 'member' });
  t.ok(added.status < 300, added.text);

  const base = `${gateway.origin}/api/v1/metrics`;
  const podsIn = (text: string): string[] => [...text.matchAll(/"pod":"(\w+)"/g)].map(([, pod]) => pod!).sort();
  const query = (who: Person, text: string, path = 'query') =>
    who.request('GET', `${base}/${path}?${new URLSearchParams({ query: text, time: String(at) }).toString()}`);

  t.test('people see the series of their own namespaces and of their teams, admins all', async (t) => {
    t.strictSame(podsIn((await query(ada, 'up')).text), ['lab', 'web']);
    t.strictSame(podsIn((await query(bob, '{__name__=~".+"}')).text), ['secret']);
    t.strictSame(podsIn((await query(ann, 'up')).text), ['lab', 'node', 'secret', 'web']);
    t.match((await query(ada, 'sum(up)')).json(), { data: { result: [{ value: [at, '5'] }] } });
    t.match(await query(people.stranger(), 'up'), { status: 401 });
    const refused = await query(ada, 'up{namespace="knot-bob"}');
    t.match(refused, { status: 403, text: /KNOT_METRICS_NAMESPACE/ });
    t.match((await query(ada, 'up{')).json(), {
      code: 'KNOT_METRICS_QUERY',
      details: { position: 3, line: 1, column: 4 },
    });
  });

  t.test('series, labels and values are of the same namespaces', async (t) => {
    const range = `start=${at - 60}&end=${at + 60}`;
    const of = async (who: Person, path: string) =>
      (await who.request('GET', `${base}/${path}`)).json<{ data: unknown }>().data;
    t.strictSame(await of(ada, `label/pod/values?${range}`), ['lab', 'web']);
    t.strictSame(await of(ada, `label/namespace/values?${range}&match[]=up`), ['knot-ada', 'knot-team-physics']);
    t.strictSame(await of(bob, `labels?${range}`), ['__name__', 'namespace', 'pod']);
    t.strictSame(await of(bob, `series?${range}&match[]=up&match[]={pod="web"}`), [
      { __name__: 'up', namespace: 'knot-bob', pod: 'secret' },
    ]);
    t.strictSame(await of(ann, `label/pod/values?${range}`), ['lab', 'node', 'secret', 'web']);
    const body = new URLSearchParams({ query: 'up', start: String(at), end: String(at + 60), step: '30' }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: gateway.origin };
    const posted = await bob.request('POST', `${base}/query_range`, { headers, body });
    t.strictSame(podsIn(posted.text), ['secret']);
    t.match(posted.json(), { data: { resultType: 'matrix' } });
  });

  t.test('the judged is the sent, wherever it stands', async (t) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: gateway.origin };
    for (const [address, body] of [
      ['?query=up', 'query={namespace="knot-bob"}'],
      ['?query=up', 'query=up'],
      ['?query=up&query=up', ''],
      ['', 'query=up&query=up'],
    ])
      t.match(
        await ada.request('POST', `${base}/query${address}`, { headers, body: body! }),
        { status: 400, text: /KNOT_METRICS_PARAMETER/ },
        `${address} ${body}`,
      );
    const both = await ada.request('POST', `${base}/series?match[]=up&start=${at - 60}`, {
      headers,
      body: `match[]=${encodeURIComponent('{pod=~".+"}')}&end=${at + 60}`,
    });
    t.strictSame(podsIn(both.text), ['lab', 'web']);
    const elsewhere = { ...headers, origin: 'https://evil.example' };
    t.match(await ada.request('POST', `${base}/query`, { headers: elsewhere, body: 'query=up' }), {
      status: 403,
      text: /CROSS_SITE/,
    });
    for (const type of ['text/plain', 'multipart/form-data; boundary=x'])
      t.match(
        await ada.request('POST', `${base}/query`, { headers: { ...headers, 'content-type': type }, body: 'query=up' }),
        { status: 415 },
      );
  });

  t.test('nothing else of Prometheus is there', async (t) => {
    const others =
      'metadata rules alerts targets targets/metadata scrape_pools alertmanagers status/config status/flags status/buildinfo status/tsdb ' +
      'status/runtimeinfo status/walreplay format_query parse_query read write otlp/v1/metrics notifications federate label//values ' +
      'admin/tsdb/delete_series admin/tsdb/snapshot admin/tsdb/clean_tombstones query/ QUERY %71uery/x label/pod/values/x ../query';
    for (const path of others.split(' ')) {
      for (const place of ['', 'prometheus/', 'prometheus/api/v1/']) {
        const { status, text } = await ann.request('GET', `${base}/${place}${path}?match[]=up&query=up`);
        t.ok(status >= 400 && !/"pod"/.test(text), `${place}${path} ${status}`);
      }
    }
  });

  t.test('Grafana is spoken to as Prometheus speaks, and programs by their token', async (t) => {
    const grafana = `prometheus/api/v1/query`;
    t.strictSame(podsIn((await query(ada, 'up', grafana)).text), ['lab', 'web']);
    const wrong = await query(ada, 'up{', grafana);
    t.match(wrong, { status: 400 });
    t.match(wrong.json(), { status: 'error', errorType: 'bad_data', error: /line 1, column 4: it ends too early/ });
    const nobodys = await query(people.stranger(), 'up', grafana);
    t.equal(nobodys.status, 401);
    t.match(nobodys.json(), {
      status: 'error',
      error: /An alert rule of Grafana asks for nobody: write it for Prometheus/,
    });
    const tokenOf = async (who: Person, ...scopes: string[]) =>
      (await who.api('POST', '/tokens', { name: 'grafana', scopes })).json<{ secret: string }>().secret;
    const by = async (secret: string, text: string) =>
      people.stranger().request('POST', `${base}/${grafana}`, {
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ query: text, time: String(at) }).toString(),
      });
    t.strictSame(podsIn((await by(await tokenOf(bob, 'metrics:read'), 'up')).text), ['secret']);
    t.match(await by(await tokenOf(bob, 'services:read'), 'up'), { status: 403 });
    t.strictSame(
      podsIn((await by(await tokenOf(ann, 'metrics:read'), 'up')).text),
      [],
      'a token of an admin is no admin by itself',
    );
    t.strictSame(podsIn((await by(await tokenOf(ann, 'metrics:read', 'admin:read'), 'up')).text), [
      'lab',
      'node',
      'secret',
      'web',
    ]);
  });

  t.test('use is told to whom the policies let read it, with the plan and its price', async (t) => {
    const usage = (who: Person, query: string) => who.request('GET', `${base}/usage${query}`);
    const own = await usage(ada, '?month=2023-11');
    t.equal(own.status, 200, own.text);
    t.match(own.json(), {
      owner: { kind: 'user', name: 'ada' },
      month: '2023-11',
      limits: { cpu: 2, services: 3 },
      plan: { name: 'small' },
      total: { cpuHours: 0, memoryGibHours: 0, cost: 0 },
      prices: { currency: 'EUR', cpuHour: 0.5 },
    });
    t.equal(own.json<{ days: unknown[] }>().days.length, 30);
    t.match((await usage(ada, '')).json(), { month: new Date().toISOString().slice(0, 7) });
    t.match((await usage(ada, '?owner=physics')).json(), { owner: { kind: 'team', name: 'physics' }, limits: {} });
    t.match(await usage(ada, '?owner=bob'), { status: 403, text: /KNOT_API_DENIED.*see what bob uses/ });
    t.match(await usage(ada, '?owner=nobody'), { status: 404 });
    t.match(await usage(ann, '?owner=bob'), { status: 200 });
    for (const month of ['2023-13', '2023', '2023-11-01', 'now'])
      t.match(await usage(ada, `?month=${month}`), { status: 400 });
  });

  t.test('Health says how Prometheus is, and what to do', async (t) => {
    const prometheus = await eventually('it was looked at', async () => {
      const { components } = (await ann.api('GET', '/health')).json<{
        components: { name: string; status: string; message: string; remedy?: string }[];
      }>();
      const found = components.find(({ name }) => name === 'prometheus');
      return found?.status === 'working' ? undefined : found;
    });
    // It holds samples of 2023 and scrapes nothing.
    t.match(prometheus, { status: 'warning', message: /read nothing for five minutes/, remedy: /Targets/ });
  });

  t.test('who may read what is decided by the policies, and by their next version at once', async (t) => {
    const file = join(gateway.policies, 'default.cedar');
    const rule = /@id\("admins-read-all-metrics"\)[^;]*;/;
    const cases = join(gateway.policies, 'default.cases.yaml');
    writeFileSync(cases, readFileSync(cases, 'utf8').replace(/ {2}- name: metrics of everybody\n(?: {4}.*\n)*/, ''));
    writeFileSync(file, readFileSync(file, 'utf8').replace(rule, ''));
    await eventually('the rules to be in force', async () => podsIn((await query(ann, 'up')).text).length === 0);
    t.strictSame(podsIn((await query(ada, 'up')).text), ['lab', 'web']);
    // Out of the team, out of its series.
    t.ok((await ann.api('DELETE', `/teams/${id}/members/ada`)).status < 300);
    await eventually('the membership to end', async () => podsIn((await query(ada, 'up')).text).length === 1);
  });

  t.test('bytes that no client library sends', async (t) => {
    const cookies = [...ada.cookiesFor(gateway.origin)].map(([name, value]) => `${name}=${value}`).join('; ');
    const raw = async (head: string, body = ''): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port: gateway.port, servername: 'localhost', ca: caOf(gateway) });
      await once(socket, 'secureConnect');
      socket.write(
        `${head}\r\nHost: localhost:${gateway.port}\r\nCookie: ${cookies}\r\nConnection: close\r\nOrigin: ${gateway.origin}\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n${body}`,
        'latin1',
      );
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      return text;
    };
    for (const [head, body] of [
      ['POST /api/v1/metrics/query HTTP/1.1', 'query=up%7Bpod%3D%22\xff%22%7D'],
      ['POST /api/v1/metrics/query HTTP/1.1', 'query=up;query={pod="secret"}'],
      ['POST /api/v1/metrics/query HTTP/1.1', 'query=%zz'],
      ['POST /api/v1/metrics/query HTTP/1.1', 'query=up%00'],
      ['POST /api/v1/metrics/query HTTP/1.1', `query=${'('.repeat(20_000)}`],
      ['GET /api/v1/metrics/label/..%2f..%2fadmin/values HTTP/1.1', ''],
      ['GET /api/v1/metrics/label/%2e%2e/values HTTP/1.1', ''],
    ] as const) {
      const answer = await raw(head, body);
      t.match(answer, /^HTTP\/1\.1 (4\d\d|200) /, head + body.slice(0, 30));
      t.notMatch(answer, /secret/);
    }
  });

  t.test('without Prometheus a page is told so in plain words', async (t) => {
    await prometheus.stop();
    const { status, text } = await query(ada, 'up');
    t.equal(status, 502);
    t.match(text, /KNOT_METRICS_AWAY.*Prometheus does not answer/);
    t.notMatch(text, /127\.0\.0\.1/);
  });
}
