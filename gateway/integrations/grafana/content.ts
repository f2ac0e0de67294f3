import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicAddress } from '../../config/index.ts';
import type { Ask } from '../ask.ts';
import { type Grant, holds, provideFolder, views } from './folders.ts';
import { lookAlike, type Shape } from './look-alike.ts';

/** The cookie by which Grafana tells Knot for whom it asks: it passes on what its data source names, and nothing else of a browser. */
export const metricsCookie = 'knot-metrics';

const dataSourceUid = 'knot';

type Dashboard = { uid: string; title: string; [key: string]: unknown };
/** Whose dashboards: everybody's, or those of administrators alone. */
type Shelf = {
  uid: string;
  title: string;
  grants: Grant[];
  folder: string;
};

const shelves: Shelf[] = [
  {
    uid: 'knot',
    title: 'Knot',
    folder: 'everyone',
    grants: [
      { role: 'Viewer', permission: views },
      { role: 'Editor', permission: views },
    ],
  },
  { uid: 'knot-admins', title: 'Knot: cluster and gateway', folder: 'admins', grants: [] },
];

/** Dashboards as code: JSON beside the values of the stack. */
const dashboardsFolder = join(import.meta.dirname, '../../../charts/stack/grafana/dashboards');

export type GrafanaContent = {
  /** Makes or repairs the data source and the dashboards; tells what was otherwise. */
  apply(): Promise<string[]>;
  /** What is otherwise, changing nothing. */
  differences(): Promise<string[]>;
};

/**
 * The data source through which Grafana asks Prometheus by way of Knot, and the dashboards that are shipped. `caPem`: what Grafana must
 * trust to reach Knot.
 */
export function createGrafanaContent(
  ask: Ask,
  { publicAddress, caPem }: { publicAddress: PublicAddress; caPem: string | undefined },
): GrafanaContent {
  const dataSource = {
    uid: dataSourceUid,
    name: 'Knot',
    type: 'prometheus',
    access: 'proxy',
    url: `${publicAddress.origin}/api/v1/metrics/prometheus`,
    isDefault: true,
    jsonData: {
      httpMethod: 'POST',
      keepCookies: [metricsCookie],
      // Rules and alerts are nobody's namespace.
      manageAlerts: false,
      ...(caPem !== undefined && { tlsAuthWithCACert: true }),
    },
  };

  async function dataSourceDiffers(): Promise<boolean> {
    const found = await ask<Shape>('GET', `/api/datasources/uid/${dataSourceUid}`, { also: [404] });
    return found.status === 404 || !lookAlike(dataSource, found.body);
  }

  async function applyDataSource(): Promise<void> {
    const secureJsonData = caPem === undefined ? {} : { tlsCACert: caPem };
    const body = { ...dataSource, secureJsonData };
    const { status } = await ask('PUT', `/api/datasources/uid/${dataSourceUid}`, { body, also: [404] });
    if (status === 404) await ask('POST', '/api/datasources', { body });
  }

  async function shelfDiffers({ uid, grants }: Shelf): Promise<boolean> {
    const { status } = await ask('GET', `/api/folders/${uid}`, { also: [404] });
    return status === 404 || !(await holds(ask, uid, grants));
  }

  async function dashboardDiffers(dashboard: Dashboard, { uid }: Shelf): Promise<boolean> {
    const found = await ask<{ dashboard: Shape; meta: { folderUid?: string } }>(
      'GET',
      `/api/dashboards/uid/${dashboard.uid}`,
      { also: [404] },
    );
    return found.status === 404 || found.body.meta.folderUid !== uid || !lookAlike(dashboard, found.body.dashboard);
  }

  async function applyDashboard(dashboard: Dashboard, { uid }: Shelf): Promise<void> {
    const body = { dashboard, folderUid: uid, overwrite: true, message: 'Knot' };
    await ask('POST', '/api/dashboards/db', { body });
  }

  /** Each part with what it is called, whether it is otherwise, and what makes it right; folders before what is in them. */
  function parts(): { name: string; differs(): Promise<boolean>; apply(): Promise<void> }[] {
    return [
      { name: 'the data source Knot', differs: dataSourceDiffers, apply: applyDataSource },
      ...shelves.flatMap((shelf) => [
        {
          name: `the folder ${shelf.title}`,
          differs: () => shelfDiffers(shelf),
          apply: () => provideFolder(ask, shelf),
        },
        ...shippedDashboards(shelf.folder).map((dashboard) => ({
          name: `the dashboard ${dashboard.title}`,
          differs: () => dashboardDiffers(dashboard, shelf),
          apply: () => applyDashboard(dashboard, shelf),
        })),
      ]),
    ];
  }

  return {
    async apply() {
      const repaired: string[] = [];
      for (const { name, differs, apply } of parts()) {
        if (!(await differs())) continue;
        await apply();
        repaired.push(name);
      }
      return repaired;
    },
    async differences() {
      const found: string[] = [];
      for (const { name, differs } of parts()) if (await differs()) found.push(name);
      return found;
    },
  };
}

/** The dashboards of a folder of `charts/stack/grafana/dashboards`. */
export function shippedDashboards(folder: string): Dashboard[] {
  const path = join(dashboardsFolder, folder);
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(path, name), 'utf8')) as Dashboard);
}
