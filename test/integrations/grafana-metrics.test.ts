/** What people see of a real Prometheus in Grafana (contract server), whatever they type. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { shippedDashboards } from '../../gateway/integrations/grafana/content.ts';
import { filledIn } from '../charts/dashboard-lint.ts';
import { startGrafana } from '../contracts/grafana/grafana.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { startPrometheus } from '../support/process/prometheus.ts';

const at = 1_700_000_000;
const sample = (namespace: string, pod: string): string => `up{namespace="${namespace}",pod="${pod}"} 1 ${at}\n`;
const prometheus = await startPrometheus(`${sample('knot-ada', 'web')}${sample('knot-bob', 'secret')}# EOF\n`);
if ('skip' in prometheus) t.pass('nothing to ask', { skip: prometheus.skip });
else {
  const grafana = await startGrafana();
  t.teardown(grafana.stop);
  const passwordFile = join(t.testdir({}), 'password');
  writeFileSync(passwordFile, grafana.adminPassword);
  const port = await freePort();
  const { gateway, ann, person } = await openPeople(t, {
    others: ['ada', 'bob'],
    config: {
      listen: `127.0.0.1:${port}`,
      integrations: {
        jupyterhub: { mode: 'off' },
        prometheus: { upstream: prometheus.url },
        grafana: { upstream: grafana.origin, admin: { password: { fromFile: passwordFile } } },
      },
    },
  });
  t.teardown(prometheus.stop);
  grafana.configure((await gateway.knot(['integrations', 'show', 'grafana'])).stdout);
  const origin = `https://grafana.localhost:${port}`;
  const ada = await person('ada');
  for (const who of [ann, ada, await person('bob')]) await who.visit(`${origin}/`);
  const podsIn = (text: string): string[] => [...text.matchAll(/"pod":"(\w+)"/g)].map(([, pod]) => pod!).sort();
  /** As the page asks: through Grafana's own way to the data source. */
  const query = (who: Person, text: string, headers: Record<string, string> = {}) =>
    who.request(
      'GET',
      `${origin}/api/datasources/proxy/uid/knot/api/v1/query?${new URLSearchParams({ query: text, time: String(at) }).toString()}`,
      { headers },
    );

  t.test('the data source and the dashboards are made, and put right when somebody changed them', async (t) => {
    await eventually('four dashboards', () => grafana.state.dashboards.size === 4);
    const { folders, dataSources, dashboards } = grafana.state;
    t.strictSame([...dataSources.keys()], ['knot']);
    t.strictSame(folders.get('knot-admins')?.grants, [], "administrators' alone");
    t.match((await gateway.knot(['integrations', 'check', 'grafana'])).stdout, /ok +content/);
    dataSources.get('knot').url = 'https://evil.example';
    dashboards.get('knot-my-namespace')!.dashboard.title = 'Mine';
    const changed = await gateway.knot(['integrations', 'check', 'grafana']);
    t.match(changed.stdout, /note +content: Not as Knot has them: the data source Knot, the dashboard My namespace/);
    const put = await ada.request('PUT', `${origin}/api/datasources/uid/knot`, {
      headers: { 'content-type': 'application/json', origin },
      body: '{"url":"https://evil.example"}',
    });
    t.equal(put.status, 403, 'and who looks cannot change it');
    dataSources.get('knot').url = `${gateway.origin}/api/v1/metrics/prometheus`;
  });

  t.test('in Grafana people see their own namespaces only, whatever is typed', async (t) => {
    t.strictSame(podsIn((await query(ada, 'up')).text), ['web']);
    t.strictSame(podsIn((await query(ada, '{__name__=~".+"} or up{namespace!=""}')).text), ['web']);
    t.match(await query(ada, 'up{namespace="knot-bob"}'), { status: 403 });
    t.strictSame(podsIn((await query(await person('bob'), 'up')).text), ['secret']);
    t.strictSame(podsIn((await query(ann, 'up')).text), ['secret', 'web'], 'administrators see all');
  });

  t.test('what a browser says of itself to the data source is not believed', async (t) => {
    await query(ann, 'up');
    const grant = /knot-metrics=([^;]+)/.exec(grafana.requests.at(-1)!.headers.cookie ?? '')![1]!;
    const own = ada.cookies('grafana.localhost');
    ada.setCookies('grafana.localhost', new Map([...own, ['knot-metrics', grant]]));
    t.teardown(() => ada.setCookies('grafana.localhost', own));
    t.strictSame(podsIn((await query(ada, 'up')).text), ['web'], "with an administrator's grant in her own cookies");
    const stolen = await ada.request('GET', `${gateway.origin}/api/v1/me`, {
      headers: { cookie: `knot-metrics=${grant}` },
    });
    t.notMatch(stolen.text, '"username":"ann"', 'and it opens nothing else');
  });

  t.test('an alert rule, for which nobody asks, is refused in words that Grafana shows', async (t) => {
    const authorization = `Basic ${Buffer.from(`admin:${grafana.adminPassword}`).toString('base64')}`;
    // As Grafana's scheduler does: for no browser, and saying whose rule it is.
    const answer = await fetch(`${grafana.origin}/api/datasources/proxy/uid/knot/api/v1/query?query=up`, {
      headers: { authorization, 'x-rule-folder': 'ada', 'x-rule-uid': 'of-ada', fromalert: 'true' },
    });
    t.equal(answer.status, 401);
    t.match(await answer.json(), { status: 'error', error: /alert rule of Grafana asks for nobody.*Prometheus/ });
    t.equal(grafana.state.dataSources.get('knot').jsonData.manageAlerts, false);
  });

  t.test('every question of the dashboards is one that may be asked', async (t) => {
    const dashboards = ['everyone', 'admins'].flatMap((folder) => shippedDashboards(folder));
    for (const dashboard of dashboards) {
      const who = dashboard.uid === 'knot-cluster' || dashboard.uid === 'knot-gateways' ? ann : ada;
      for (const expression of expressionsOf(dashboard)) {
        const answer = await query(who, expression);
        t.equal(answer.status, 200, `${dashboard.title}: ${expression}: ${answer.text.slice(0, 200)}`);
      }
    }
  });
}

/** As Grafana asks them. */
function expressionsOf(dashboard: object): string[] {
  const { panels } = dashboard as { panels: { targets?: { expr: string }[] }[] };
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).map(filledIn);
}
