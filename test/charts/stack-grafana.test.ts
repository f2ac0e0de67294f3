import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { publicAddress } from '../../gateway/config/index.ts';
import { shippedDashboards } from '../../gateway/integrations/grafana/content.ts';
import { grafanaSettings } from '../../gateway/integrations/grafana/settings.ts';

const stack = join(import.meta.dirname, '../../charts/stack/grafana');

t.test('the values say what `knot integrations show grafana` prints', (t) => {
  const values = parse(readFileSync(join(stack, 'values.yaml'), 'utf8')) as { 'grafana.ini': Record<string, object> };
  const address = publicAddress({ domain: 'knot.example.org' }, 443);
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

t.test('every dashboard is of one kind: unique, on the data source of Knot, each panel with a question', (t) => {
  const all = ['everyone', 'admins'].flatMap((folder) => shippedDashboards(folder));
  t.equal(all.length, 4);
  t.equal(new Set(all.map(({ uid }) => uid)).size, all.length);
  for (const dashboard of all) {
    t.match(dashboard.uid, /^knot-[a-z-]{3,36}$/);
    const panels = dashboard['panels'] as { id: number; title: string; type: string; targets?: { expr: string }[] }[];
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, `${dashboard.title}: ids`);
    for (const { title, type, targets = [] } of panels)
      if (type !== 'row' && type !== 'text')
        t.ok(targets.every(({ expr }) => expr !== '') && targets.length > 0, title);
    const sources = [...JSON.stringify(dashboard).matchAll(/"type":"prometheus","uid":"([^"]*)"/g)].map(
      ([, uid]) => uid,
    );
    t.strictSame([...new Set(sources)], ['knot'], dashboard.title);
  }
  t.end();
});
