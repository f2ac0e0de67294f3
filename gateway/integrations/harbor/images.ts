import { eachAtOnce } from '../../lib/index.ts';
import type { Image, ProjectImages } from '../registry.ts';
import type { AskHarbor } from './ask.ts';
import { findProject, projectPath, quotaOf } from './owner-project.ts';
import { everyPage } from './pages.ts';

type Repository = { name: string; artifact_count?: number; update_time?: string };
type Artifact = { size?: number; type?: string; push_time?: string; tags?: { name: string }[] | null };

/** Of this many names the newest version is asked for; others are listed without it. */
const mostAsked = 40;
const mostListed = 100;
const atOnce = 4;

/** What is in somebody's project; nothing where there is none yet. */
export async function imagesOf(ask: AskHarbor, project: string): Promise<ProjectImages> {
  const known = await findProject(ask, project);
  if (known === undefined) return { images: [], isWhole: true, used: 0, limit: null };
  const path = `${projectPath(project)}/repositories`;
  const [{ found, isWhole }, quota] = await Promise.all([
    everyPage<Repository>(ask, `${path}?sort=-update_time`, ({ name }) => name, { most: mostListed }),
    quotaOf(ask, known.project_id).catch(() => undefined),
  ]);
  const newest = found.toSorted((one, other) => (timeOf(other.update_time) ?? 0) - (timeOf(one.update_time) ?? 0));
  const images = newest.map(({ name, artifact_count = 0, update_time }): Image => {
    return { name, kind: 'other', tags: [], versions: artifact_count, size: null, pushedAt: timeOf(update_time) };
  });
  await eachAtOnce(images.slice(0, mostAsked), atOnce, (image) => fillIn(ask, path, project, image));
  const limit = quota?.hard?.storage ?? -1;
  return {
    projectId: known.project_id,
    images,
    isWhole,
    used: quota?.used?.storage ?? 0,
    limit: limit < 0 ? null : limit,
  };
}

async function fillIn(ask: AskHarbor, path: string, project: string, image: Image): Promise<void> {
  // A name with a slash is encoded twice: its router decodes once before it looks for parts.
  const name = encodeURIComponent(encodeURIComponent(image.name.slice(project.length + 1)));
  const query = 'with_tag=true&sort=-push_time&page=1&page_size=10';
  const { status, body } = await ask<Artifact[]>('GET', `${path}/${name}/artifacts?${query}`, { also: [404] });
  const artifacts = status === 200 && Array.isArray(body) ? body : [];
  const [newest] = artifacts;
  if (newest === undefined) return;
  image.kind = newest.type === 'CHART' ? 'chart' : newest.type === 'IMAGE' ? 'image' : 'other';
  image.size = Number.isSafeInteger(newest.size) ? newest.size! : null;
  image.pushedAt = timeOf(newest.push_time) ?? image.pushedAt;
  image.tags = artifacts.flatMap(({ tags }) => (tags ?? []).map((tag) => tag.name)).slice(0, 20);
}

/** RFC 3339; the zero time of Go is no time. */
function timeOf(text: string | undefined): number | null {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) || time <= 0 ? null : time;
}
