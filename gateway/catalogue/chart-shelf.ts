import { LRUCache } from 'lru-cache';
import { eachAtOnce, isNewer, type Log, type TemplateFolder, within } from '../lib/index.ts';
import type { ChartArchive } from './chart-archive.ts';

/** A registry in which people and teams keep packed charts. `app.ts` hands it over. */
export type ChartRegistry = {
  /** Where an owner keeps charts, for people: `oci://harbor.example.org/ann`. */
  addressOf(owner: string): string;
  /** None where the owner has no place there yet. @throws when it cannot be asked */
  list(owner: string): Promise<readonly RegistryChart[]>;
  /** What is packed under a digest, or why it is not read. @throws when it cannot be asked */
  fetch(
    owner: string,
    chart: { name: string; digest: string; mostBytes: number },
  ): Promise<{ bytes: Buffer } | { refused: string }>;
};

/** `name`: the way to it below its owner's place, such as `web` or `charts/web`. */
export type RegistryChart = { name: string; versions: readonly ChartVersion[] };
/** `digest`: of what is under it now; a version can be pushed again. */
export type ChartVersion = { version: string; digest: string };

/**
 * The charts of one owner: a folder with one in each folder, `web` for the newest version and `web@1.0.0` for that one. The folder of one that
 * lies deeper has the way to it as its name (`charts-web`), and gives way to one that does not.
 */
export type ChartShelf = {
  folder: TemplateFolder;
  /** Of one chart, the newest first; none when it is not there. */
  versionsOf(name: string): Promise<readonly string[]>;
};

/** A list younger than this is shown as it is. */
const freshMs = 2_000;
/** How long a registry that did not answer is not asked again. */
const silenceMs = 15_000;
const mostOwners = 500;
/** Of all charts that are held, unpacked. */
const mostHeldBytes = 64 * 1024 * 1024;
/** Of one, packed: Helm keeps a release in a Secret, which holds no more (Kubernetes, "Secrets"). */
const mostPackedBytes = 1024 * 1024;
const mostCharts = 50;
const mostVersions = 20;
const atOnce = 4;
/** As `Chart.yaml` has it; other tags are no versions. */
const versionPattern = /^\d{1,6}\.\d{1,6}\.\d{1,6}(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,40})?$/;

/** By the names of their folders. */
type Charts = ReadonlyMap<string, RegistryChart>;
type Content = ChartArchive | { refused: string };
type Wanted = { owner: string; name: string; digest: string };

/**
 * The charts that owners keep in a registry, as folders of templates. What was seen is shown again while the registry does not answer,
 * nobody waits for it longer than `waitMs`, and what stands under a digest is fetched once.
 */
export function createChartShelves(options: {
  registry: ChartRegistry;
  now: () => number;
  log: Pick<Log, 'debug'>;
  waitMs?: number;
}): (owner: string) => ChartShelf {
  const { registry, now, log, waitMs = 1_000 } = options;
  const known = new LRUCache<string, { at: number; charts: Charts }>({
    max: mostOwners,
  });
  const looking = new Map<string, Promise<void>>();
  let silentUntil = -Infinity;

  const held = new LRUCache<string, Content, Wanted>({
    maxSize: mostHeldBytes,
    sizeCalculation: (content) => ('refused' in content ? 1 : content.size) + 1_000,
    async fetchMethod(_key, _before, { context: { owner, name, digest }, options: kept }) {
      try {
        const found = await registry.fetch(owner, { name, digest, mostBytes: mostPackedBytes });
        if ('refused' in found) return found;
        // What few installations need is loaded when it is.
        const { openChartArchive } = await import('./chart-archive.ts');
        const path = `${registry.addressOf(owner)}/${name}`;
        return await openChartArchive(found.bytes, { name: name.split('/').at(-1)!, path });
      } catch (error) {
        log.debug({ err: error, owner, chart: name }, 'a chart cannot be fetched');
        kept.ttl = silenceMs;
        return { refused: 'cannot be fetched from the registry now' };
      }
    },
  });
  const contentOf = async (wanted: Wanted): Promise<Content> =>
    // Of one name: it says which folder must be in it.
    (await held.fetch(`${wanted.owner}/${wanted.name}@${wanted.digest}`, { context: wanted }))!;

  async function look(owner: string): Promise<void> {
    const listed = await registry.list(owner);
    const charts = inFolders(
      listed
        .map(({ name, versions }) => ({ name, versions: inOrder(versions) }))
        .filter(({ versions }) => versions.length > 0),
    );
    await eachAtOnce([...charts.values()], atOnce, async ({ name, versions: [newest] }) => {
      await contentOf({ owner, name, digest: newest!.digest });
    });
    known.set(owner, { at: now(), charts });
  }

  function begin(owner: string): Promise<void> {
    const work = look(owner).finally(() => looking.delete(owner));
    looking.set(owner, work);
    work.catch((error: unknown) => log.debug({ err: error, owner }, 'charts in the registry cannot be listed'));
    return work;
  }

  async function chartsOf(owner: string): Promise<Charts> {
    const before = known.get(owner);
    if (before !== undefined && now() - before.at < freshMs) return before.charts;
    if (now() >= silentUntil) {
      try {
        await within(waitMs, looking.get(owner) ?? begin(owner), 'the registry');
      } catch {
        silentUntil = now() + silenceMs;
      }
    }
    return known.get(owner)?.charts ?? new Map<string, never>();
  }

  /** What is in a folder such as `web` or `web@1.0.0`. @throws when it is not there */
  async function opened(owner: string, folder: string): Promise<Content> {
    const [shown, version] = folder.split('@', 2) as [string, string?];
    const { name = shown, versions = [] } = (await chartsOf(owner)).get(shown) ?? {};
    const found = version === undefined ? versions[0] : versions.find((one) => one.version === version);
    if (found === undefined) throw new Error(`${owner} has no chart ${folder}`);
    return await contentOf({ owner, name, digest: found.digest });
  }

  return (owner) => ({
    folder: {
      path: registry.addressOf(owner),
      pathOf(name) {
        const chart = known.get(owner)?.charts.get(name.split('@', 1)[0]!);
        return chart && `${registry.addressOf(owner)}/${chart.name}`;
      },
      async entries(below) {
        if (below === '') return [...(await chartsOf(owner)).keys()].map((name) => ({ name, kind: 'folder' }));
        const [folder, ...rest] = below.split('/');
        const content = await opened(owner, folder!);
        // So that its owner reads what is wrong where they look for it.
        return 'refused' in content ? [{ name: 'Chart.yaml', kind: 'file' }] : content.folder.entries(rest.join('/'));
      },
      async read(path, mostBytes) {
        const [folder, ...rest] = path.split('/');
        const content = await opened(owner, folder!);
        return 'refused' in content ? content : content.folder.read(rest.join('/'), mostBytes);
      },
    },
    async versionsOf(name) {
      return ((await chartsOf(owner)).get(name)?.versions ?? []).map(({ version }) => version);
    },
  });
}

/** Those nearest to the top first, as many as are shown. */
function inFolders(charts: readonly RegistryChart[]): Charts {
  const depthOf = ({ name }: RegistryChart): number => name.split('/').length;
  const inTurn = charts.toSorted((one, other) => depthOf(one) - depthOf(other) || (one.name < other.name ? -1 : 1));
  const byFolder = new Map<string, RegistryChart>();
  for (const chart of inTurn) {
    const folder = chart.name.replaceAll('/', '-');
    if (byFolder.size < mostCharts && !byFolder.has(folder)) byFolder.set(folder, chart);
  }
  return byFolder;
}

/** Releases before what comes before a release, and of each the newest first: as Helm takes one where none is named. */
function inOrder(versions: readonly ChartVersion[]): ChartVersion[] {
  const isEarly = ({ version }: ChartVersion): boolean => version.split('+', 1)[0]!.includes('-');
  return versions
    .filter(({ version }) => versionPattern.test(version))
    .sort((one, other) => {
      if (isEarly(one) !== isEarly(other)) return isEarly(one) ? 1 : -1;
      return isNewer(one.version, other.version) ? -1 : isNewer(other.version, one.version) ? 1 : 0;
    })
    .slice(0, mostVersions);
}
