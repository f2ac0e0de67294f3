import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Test } from 'tap';
import { openActs } from '../../gateway/files/act/open.ts';
import { createTrash } from '../../gateway/files/act/trash.ts';
import { openAreas } from '../../gateway/files/walk/areas.ts';
import { pathOfText } from '../../gateway/files/walk/names.ts';
import { silentLog } from '../../gateway/lib/index.ts';

export const ann = { kind: 'private', id: 'ann' } as const;
export const shared = { kind: 'shared' } as const;

/** Areas on a real disk with everything that acts on them; `folder` is reused when given. */
export async function openScene(t: Test, folder = mkdtempSync(join(tmpdir(), 'knot-files-'))) {
  const areas = openAreas({ folder, log: silentLog });
  const acts = openActs(areas);
  await acts.recover();
  const trash = createTrash(acts, { now: Date.now });
  for (const area of [ann, shared]) areas.root(area).close();
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    acts.close();
    areas.close();
  };
  t.teardown(() => {
    close();
    rmSync(folder, { recursive: true, force: true });
  });
  const root = join(folder, 'private/ann');
  return { folder, root, areas, acts, trash, close };
}

export const path = pathOfText;
export const at = (text: string, area: typeof ann | typeof shared = ann) => ({ area, path: pathOfText(text) });
export const body = (text: string) => Readable.from([Buffer.from(text)]);

/** Everything below a folder: path → content, `/` for a folder, `-> target` for a link. */
export function picture(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isDirectory()) found[name] = '/';
    else if (entry.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`;
    else if (entry.isFile()) found[name] = readFileSync(path, 'utf8');
    else found[name] = '?';
  }
  return found;
}
