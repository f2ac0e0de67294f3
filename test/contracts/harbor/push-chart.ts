import { createHash } from 'node:crypto';

export const chartConfigType = 'application/vnd.cncf.helm.config.v1+json';
const chartLayerType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

/** Pushes what `helm package` makes, as Helm does (OCI distribution 1.1, "Pushing Manifests"); returns the digests of manifest and layer. */
export async function pushChart(
  origin: string,
  [name, password]: readonly [string, string],
  { repository, version, archive }: { repository: string; version: string; archive: Buffer },
): Promise<{ manifest: string; layer: string }> {
  const scope = `repository:${repository}:pull,push`;
  const asked = await fetch(`${origin}/service/token?service=harbor-registry&scope=${scope}`, {
    headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
  });
  const { token } = (await asked.json()) as { token: string };
  const authorization = `Bearer ${token}`;
  const put = async (path: string, body: Buffer, type: string, status = 201): Promise<void> => {
    const answer = await fetch(path, {
      method: 'PUT',
      headers: { authorization, 'content-type': type },
      body: new Uint8Array(body),
    });
    if (answer.status !== status) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  };
  const blob = async (body: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const begun = await fetch(`${origin}/v2/${repository}/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization },
    });
    const place = new URL(begun.headers.get('location')!, origin);
    place.searchParams.set('digest', digest);
    await put(`${origin}${place.pathname}${place.search}`, body, 'application/octet-stream');
    return { digest, size: body.length };
  };
  const layer = { mediaType: chartLayerType, ...(await blob(archive)) };
  const config = { mediaType: chartConfigType, ...(await blob(Buffer.from('{}'))) };
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] }));
  await put(`${origin}/v2/${repository}/manifests/${version.replaceAll('+', '_')}`, manifest, manifestType);
  return { manifest: `sha256:${createHash('sha256').update(manifest).digest('hex')}`, layer: layer.digest };
}
