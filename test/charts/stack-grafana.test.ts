import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { publicAddress } from '../../gateway/config/index.ts';
import { shippedDashboards } from '../../gateway/integrations/grafana/content.ts';
import { grafanaSettings, olderThanSettings, printedSettings } from '../../gateway/integrations/grafana/settings.ts';
import { type Dashboard, lintDashboards } from './dashboard-lint.ts';

const publicAddressOf = (domain: string) => publicAddress({ domain }, 443);
const stack = join(import.meta.dirname, '../../charts/stack/grafana');

t.test('the values say what `knot integrations show grafana` prints', (t) => {
  const values = parse(readFileSync(join(stack, 'values.yaml'), 'utf8')) as { 'grafana.ini': Record<string, object> };
  const address = publicAddressOf('knot.example.org');
  const wanted = grafanaSettings({
    auth: 'jwt',
    publicAddress: address,
    url: 'https://grafana.knot.example.org/',
    secret: undefined,
  });
  const asText = Object.fromEntries(
    Object.entries(values['grafana.ini']).map(([section, keys]) => [
      section,
      Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, String(value)])),
    ]),
  );
  t.strictSame(asText, wanted);
  t.end();
});

t.test('the oldest Grafana is the one that knows all of what is printed for it', async (t) => {
  const publicAddress = publicAddressOf('knot.example.org');
  const said = (version: unknown, auth: 'jwt' | 'oidc', caFile?: string) => {
    const facts = { auth, publicAddress, url: 'https://grafana.knot.example.org/', secret: 'secret' };
    return olderThanSettings(version, printedSettings(grafanaSettings(facts), { caFile }))?.message;
  };
  for (const [version, auth, caFile, words] of [
    [
      '12.1.10',
      'jwt',
      '/ca.pem',
      /^It is Grafana 12\.1\.10, .* 12\.2 and later\. It does not know auth\.jwt\.tls_client_ca,/,
    ],
    ['12.2.0', 'jwt', '/ca.pem', undefined],
    ['12.2.0-17234', 'jwt', '/ca.pem', undefined],
    [
      '10.2.9',
      'jwt',
      undefined,
      /^It is Grafana 10\.2\.9, .* 10\.3 and later\. It does not know public_dashboards\.enabled,/,
    ],
    ['10.3.1', 'jwt', undefined, undefined],
    ['10.3.1', 'oidc', '/ca.pem', undefined],
    [
      '10.0.3',
      'oidc',
      undefined,
      / 10\.3 and later\. .*public_dashboards\.enabled.*auth\.generic_oauth\.use_refresh_token/,
    ],
    [
      '9.1.0',
      'jwt',
      undefined,
      / 10\.3 and later\. .*auth\.jwt\.role_attribute_path.*auth\.jwt\.role_attribute_strict/,
    ],
    ['v13.0.1', 'jwt', '/ca.pem', undefined],
    ['', 'jwt', '/ca.pem', undefined],
    ['1.2.3.4.5', 'jwt', '/ca.pem', undefined],
    [undefined, 'jwt', '/ca.pem', undefined],
  ] as const) {
    const told = said(version, auth, caFile);
    if (words === undefined) t.equal(told, undefined, `${version} ${auth}`);
    else t.match(told, words, `${version} ${auth}`);
  }
});

const shipped = ['everyone', 'admins'].flatMap((folder) => shippedDashboards(folder)) as unknown as Dashboard[];

t.test('nothing is wrong with the dashboards', async (t) => {
  t.equal(shipped.length, 4);
  t.strictSame(lintDashboards(shipped, 'knot'), []);
});

t.test('what would be wrong with one is told', async (t) => {
  const cases: [problem: RegExp, spoil: (dashboard: Dashboard) => void][] = [
    [/two of this uid/, (dashboard) => (dashboard.uid = shipped[1]!.uid)],
    [/uid is none of ours/, (dashboard) => (dashboard.uid = 'Mine')],
    [/two panels 1$/, ({ panels }) => (panels[1]!.id = 1)],
    [/panel 1 has no title/, ({ panels }) => (panels[0]!.title = ' ')],
    [/panel 1 lies outside/, ({ panels }) => (panels[0]!.gridPos.x = 20)],
    [/panel 1 has no unit/, ({ panels }) => delete panels[0]!.fieldConfig!.defaults!.unit],
    [/panel 9 has no description/, ({ panels }) => delete panels[8]!.description],
    [/panel 1 asks nothing/, ({ panels }) => (panels[0]!.targets = [])],
    [/two questions A/, ({ panels }) => panels[0]!.targets!.push(panels[0]!.targets![0]!)],
    [/panel 1 asks another data source/, ({ panels }) => delete panels[0]!.datasource],
    [/panel 1: sum\(: /, ({ panels }) => (panels[0]!.targets![0]!.expr = 'sum(')],
    [
      /panel 1: up\{namespace="knot-bob"\}: /,
      ({ panels }) => (panels[0]!.targets![0]!.expr = 'up{namespace="knot-bob"}'),
    ],
    [/lie over each other/, ({ panels }) => (panels[1]!.gridPos.x -= 1)],
    [/variable namespace is nowhere/, ({ templating }) => (templating.list = [])],
    [
      /variable other is used nowhere/,
      ({ templating }) => templating.list.push({ ...templating.list[0]!, name: 'other' }),
    ],
    [/variable namespace asks another/, ({ templating }) => delete templating.list[0]!.datasource],
  ];
  for (const [problem, spoil] of cases) {
    const [first, ...others] = structuredClone(shipped);
    spoil(first!);
    const found = lintDashboards([first!, ...others], 'knot');
    t.ok(
      found.some((line) => problem.test(line)),
      `${String(problem)}: ${found.join('; ')}`,
    );
  }
});

t.test('labels of pods that they ask for are among those that an operator is told to export', async (t) => {
  const told = /--metric-labels-allowlist=pods=\[([^\]]+)\]/.exec(readFileSync(join(stack, 'README.md'), 'utf8'))?.[1];
  const exported = new Set(told?.split(',').map((label) => `label_${label.replaceAll(/[^a-zA-Z0-9]/g, '_')}`));
  const asked = [...JSON.stringify(shipped).matchAll(/\blabel_(?!values)\w+/g)].map(([label]) => label);
  t.ok(asked.length > 0);
  t.strictSame(
    asked.filter((label) => !exported.has(label)),
    [],
  );
});

t.test('what they ask of the gateway it tells', async (t) => {
  const files = readdirSync(join(import.meta.dirname, '../../gateway/ops')).filter((file) => file.endsWith('.ts'));
  const code = files.map((file) => readFileSync(join(import.meta.dirname, '../../gateway/ops', file), 'utf8')).join();
  const asked = [...JSON.stringify(shipped).matchAll(/\bknot_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, ''));
  t.ok(asked.length > 5);
  for (const name of new Set(asked)) t.ok(code.includes(`'${name}'`), name);
});
