import { createHash } from 'node:crypto';
import { eachAtOnce, knotError } from '../../lib/index.ts';
import type { Upstream } from '../../routes/index.ts';
import { basicOf } from '../ask.ts';
import { connect, type Sent } from '../connection.ts';
import type { RegistryChart } from '../registry.ts';
import type { AskHarbor, HarborLogin } from './ask.ts';
import { findProject, projectPath } from './owner-project.ts';
import { everyPage } from './pages.ts';
import { tokenPath } from './pull-robot.ts';

type Repository = { name: string; artifact_count?: number; update_time?: string };
type Artifact = { digest?: string; type?: string; tags?: { name: string }[] | null };

const mostRepositories = 200;
const mostArtifacts = 100;
const atOnce = 4;
/** Repositories that are known to hold no chart. */
const mostKnown = 5_000;
const mostManifestBytes = 256 * 1024;

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
/** Helm, "Helm OCI media types". */
const chartLayerType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

/** Lists the charts of projects. What holds images is asked about again when something was pushed to it. */
export function createCharts(ask: AskHarbor): (project: string) => Promise<RegistryChart[]> {
  const withoutCharts = new Set<string>();

  async function versionsOf(project: string, repository: Repository): Promise<RegistryChart['versions']> {
    const seen = `${repository.name} ${repository.artifact_count} ${repository.update_time}`;
    if (withoutCharts.has(seen)) return [];
    // A name with a slash is encoded twice: its router decodes once before it looks for parts.
    const name = encodeURIComponent(encodeURIComponent(repository.name.slice(project.length + 1)));
    const path = `${projectPath(project)}/repositories/${name}/artifacts?with_tag=true`;
    const { found } = await everyPage<Artifact>(ask, path, ({ digest }) => digest ?? '', { most: mostArtifacts });
    const charts = found.filter(({ type }) => type === 'CHART');
    if (charts.length === 0) {
      if (withoutCharts.size >= mostKnown) withoutCharts.clear();
      withoutCharts.add(seen);
    }
    return charts.flatMap(({ digest, tags }) =>
      // A tag has no plus: Helm writes it as an underscore.
      !isDigest(digest) ? [] : (tags ?? []).map((tag) => ({ version: tag.name.replaceAll('_', '+'), digest })),
    );
  }

  return async (project) => {
    if ((await findProject(ask, project)) === undefined) return [];
    const path = `${projectPath(project)}/repositories`;
    const { found } = await everyPage<Repository>(ask, path, ({ name }) => name, { most: mostRepositories });
    const own = found.filter(({ name }) => name.startsWith(`${project}/`));
    const charts: RegistryChart[] = [];
    await eachAtOnce(own, atOnce, async (repository) => {
      const versions = await versionsOf(project, repository);
      if (versions.length > 0) charts.push({ name: repository.name.slice(project.length + 1), versions });
    });
    return charts;
  };
}

type Manifest = { layers?: { mediaType?: string; digest?: string; size?: number }[] };

/** Reads what is packed in a registry (OCI distribution 1.1), as somebody who may pull. */
export function createChartReader({
  upstream,
  timeoutMs = 10_000,
}: {
  upstream: Upstream;
  timeoutMs?: number | undefined;
}): {
  fetch(
    login: HarborLogin,
    chart: { repository: string; digest: string; mostBytes: number },
  ): Promise<{ bytes: Buffer } | { refused: string }>;
  close(): Promise<void>;
} {
  const connection = connect({ upstream, timeoutMs, mostBytes: 4 * 1024 * 1024 });

  async function tokenFor(login: HarborLogin, repository: string): Promise<string> {
    const path = `${tokenPath}&scope=${encodeURIComponent(`repository:${repository}:pull`)}`;
    const answer = await connection.send('GET', path, {
      headers: { authorization: basicOf(login.name, login.secret) },
    });
    const { token } = (answer.status === 200 ? JSON.parse(answer.text) : {}) as { token?: unknown };
    if (typeof token !== 'string') throw away(answer);
    return token;
  }

  return {
    async fetch(login, { repository, digest, mostBytes }) {
      const token = await tokenFor(login, repository);
      const get = (kind: 'manifests' | 'blobs', of: string, accept: string): Promise<Sent> =>
        connection.send('GET', `/v2/${repository}/${kind}/${of}`, {
          headers: { authorization: `Bearer ${token}`, accept },
        });
      const found = await get('manifests', digest, manifestType);
      if (found.status !== 200) throw away(found);
      if (found.bytes.length > mostManifestBytes || digestOf(found.bytes) !== digest) return { refused: changed };
      const { layers } = JSON.parse(found.text) as Manifest;
      const layer = Array.isArray(layers) ? layers.find(({ mediaType }) => mediaType === chartLayerType) : undefined;
      if (!isDigest(layer?.digest)) return { refused: 'holds no chart of Helm' };
      if (!(Number(layer.size) <= mostBytes))
        return { refused: `has ${layer.size} bytes packed; at most ${mostBytes} are read` };
      const packed = await get('blobs', layer.digest, '*/*');
      // The storage behind the registry may be anywhere: what Knot itself asks is the registry and nothing else.
      if (packed.status >= 300 && packed.status < 400) return { refused: elsewhere };
      if (packed.status !== 200) throw away(packed);
      return digestOf(packed.bytes) === layer.digest ? { bytes: packed.bytes } : { refused: changed };
    },
    close: connection.close,
  };
}

const isDigest = (text: string | undefined): text is string => /^sha256:[0-9a-f]{64}$/.test(text ?? '');
const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const changed = 'is not what its digest says';
const elsewhere =
  'is kept at another host, which Knot does not follow: set `disableredirect` of the storage of Harbor’s registry';

const away = ({ status }: Sent) =>
  knotError('KNOT_INTEGRATIONS_TOOL_AWAY', 503, 'Harbor does not give out a chart.', {
    remedy: 'Try again; if it stays: knot integrations check harbor.',
    internal: { status },
  });
