import { enforceQuery } from '../../gateway/metrics/index.ts';

type Panel = {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid?: string };
  fieldConfig?: { defaults?: { unit?: string } };
  targets?: { refId: string; expr: string; datasource?: { uid?: string } }[];
};
export type Dashboard = {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; datasource?: { uid?: string }; query?: { query?: string } }[] };
};

/** Columns of a dashboard (Grafana, "Dashboard JSON model", panel size and position). */
const columns = 24;
/** Panels whose title alone does not say what a line or a value of them is. */
const explained = new Set(['table']);

/** What is wrong with shipped dashboards, a line each; `sourceUid` is the data source that all of them ask. */
export function lintDashboards(dashboards: readonly Dashboard[], sourceUid: string): string[] {
  const problems: string[] = [];
  const uids = dashboards.map(({ uid }) => uid);
  for (const uid of repeated(uids)) problems.push(`${uid}: there are two of this uid`);
  for (const dashboard of dashboards) {
    const say = (problem: string): void => void problems.push(`${dashboard.uid}: ${problem}`);
    if (!/^knot-[a-z-]{3,36}$/.test(dashboard.uid)) say('its uid is none of ours');
    for (const id of repeated(dashboard.panels.map((panel) => String(panel.id)))) say(`two panels ${id}`);
    for (const panel of dashboard.panels) lintPanel(panel, sourceUid, say);
    for (const [at, panel] of dashboard.panels.entries())
      for (const other of dashboard.panels.slice(at + 1))
        if (overlap(panel, other)) say(`"${panel.title}" and "${other.title}" lie over each other`);
    lintVariables(dashboard, sourceUid, say);
  }
  return problems;
}

function lintPanel(panel: Panel, sourceUid: string, say: (problem: string) => void): void {
  const { title = '', type, description = '', gridPos, fieldConfig, datasource, targets = [] } = panel;
  const of = `panel ${panel.id}`;
  if (title.trim() === '') say(`${of} has no title`);
  if (gridPos.x < 0 || gridPos.w < 1 || gridPos.h < 1 || gridPos.x + gridPos.w > columns) say(`${of} lies outside`);
  if (type === 'row' || type === 'text') return;
  const unit = fieldConfig?.defaults?.unit ?? '';
  if (unit === '') say(`${of} has no unit`);
  if ((explained.has(type) || unit.startsWith('bool')) && description === '') say(`${of} has no description`);
  if (targets.length === 0) say(`${of} asks nothing`);
  for (const refId of repeated(targets.map((target) => target.refId))) say(`${of} has two questions ${refId}`);
  for (const source of [datasource, ...targets.flatMap((target) => target.datasource ?? [])])
    if (source?.uid !== sourceUid) say(`${of} asks another data source`);
  for (const { expr } of targets) {
    try {
      enforceQuery(filledIn(expr), { label: 'namespace', names: ['knot-ann'] });
    } catch (error) {
      say(`${of}: ${expr}: ${String(error)}`);
    }
  }
}

function lintVariables({ panels, templating }: Dashboard, sourceUid: string, say: (problem: string) => void): void {
  const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const texts = [...asked, ...templating.list.map(({ query }) => query?.query ?? '')];
  const used = new Set(texts.flatMap((text) => [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name!)));
  const known = new Set(templating.list.map(({ name }) => name));
  for (const name of used) if (!known.has(name)) say(`the variable ${name} is nowhere`);
  for (const name of known) if (!used.has(name)) say(`the variable ${name} is used nowhere`);
  for (const { name, datasource } of templating.list)
    if (datasource?.uid !== sourceUid) say(`the variable ${name} asks another data source`);
}

/** With what Grafana puts in the place of its variables. */
export const filledIn = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '5m').replaceAll(/\$\{?[a-z_]+\}?/g, '.*');

const repeated = (list: readonly string[]): string[] => list.filter((one, at) => list.indexOf(one) < at);

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
