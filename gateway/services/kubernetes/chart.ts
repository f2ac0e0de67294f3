import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TemplateCopy } from '../service.ts';
import { type Rendered, writeManifest } from './manifest.ts';

const file = 'rendered.yaml';

/**
 * A chart that renders nothing but what was judged, byte for byte: Helm applies it, knows its hooks and keeps its releases, and the
 * template does not run a second time, when it could say something else.
 */
export async function sealChart(
  folder: string,
  { name, version, title }: Pick<TemplateCopy, 'name' | 'version' | 'title'>,
  objects: readonly Rendered[],
): Promise<void> {
  await mkdir(join(folder, 'templates'), { recursive: true });
  const chart = { apiVersion: 'v2', type: 'application', name, version, description: title };
  await writeFile(join(folder, 'Chart.yaml'), JSON.stringify(chart));
  await writeFile(join(folder, file), writeManifest(objects));
  await writeFile(join(folder, 'templates', 'all.yaml'), `{{ .Files.Get "${file}" }}`);
}
