import { close as closeDescriptor, read as readDescriptor } from 'node:fs';
import { promisify } from 'node:util';
import type { TemplateSource } from '../catalogue/index.ts';
import { areaOfKey, type DiskArea, type Files, nameOf, type Path } from '../files/index.ts';
import { KnotError, type Principal, type TemplateEntry, type TemplateFolder } from '../lib/index.ts';
import { type Area, areaResource, type Owners } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';

const readAt = promisify(readDescriptor);
const close = promisify(closeDescriptor);

export type OwnTemplatesParts = {
  files: Files;
  owners: Pick<Owners, 'areasOf'>;
  policy: Pick<Policy, 'decide'>;
};

/** The folder of a file area in which each folder is a template. */
const ownFolder = 'services';
/** What is listed of one folder at most. */
const mostEntries = 1_000;

/**
 * Where a person finds templates that they, or teams of theirs, keep among their files: in `services/` of each area whose files they
 * may read. Everything is read through the one way into file areas, so that no link leads out of them.
 */
export function createOwnTemplates(
  parts: OwnTemplatesParts & { domain: string; mayNeedPackages: boolean },
): (person: Principal) => Promise<TemplateSource[]> {
  const { files, owners, policy, domain, mayNeedPackages } = parts;
  const context = { method: 'GET', host: domain, path: '/', address: '127.0.0.1', isUpgrade: false };
  const mayRead = (principal: Principal, area: Area): boolean =>
    policy.decide({ principal, action: 'readFiles', resource: areaResource(area), context }).effect === 'allow';

  return async (person) => {
    if (person.state !== 'active') return [];
    const sources: TemplateSource[] = [];
    for (const area of await owners.areasOf(person)) {
      const { kind, owner, key, name } = area;
      if ((kind !== 'private' && kind !== 'team') || owner === undefined || !mayRead(person, area)) continue;
      const folder = areaFolder(files, areaOfKey(key)!, `/files/${name.replace(':', '/')}`, ownFolder);
      sources.push({ folder, origin: { kind: owner.kind, owner: owner.name }, mayNeedPackages });
    }
    return sources;
  };
}

/** A folder of a file area. */
function areaFolder(files: Files, area: DiskArea, shown: string, name: string): TemplateFolder {
  const at = (below: string): Path =>
    [name, ...below.split('/').filter((part) => part !== '')].map((part) => nameOf(part));
  return {
    path: `${shown}/${name}`,
    async entries(below) {
      const found: TemplateEntry[] = [];
      for await (const entry of files.each(area, at(below))) {
        const kind = entry.kind === 'link' ? 'other' : entry.kind;
        found.push({ name: entry.name, kind });
        if (found.length === mostEntries) break;
      }
      return found.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async read(path, mostBytes) {
      try {
        return await readOpened(files.open(area, at(path)), mostBytes);
      } catch (error) {
        if (!(error instanceof KnotError)) throw error;
        if (error.code !== 'KNOT_FILES_NOT_A_FILE') return { refused: 'cannot be read' };
        // In the words of `knot template check`.
        const isLink = files.look(area, at(path)).kind === 'link';
        return { refused: isLink ? 'is a link, which is not followed' : 'is not a plain file' };
      }
    },
  };
}

async function readOpened(
  { entry, descriptor }: ReturnType<Files['open']>,
  mostBytes: number,
): Promise<{ bytes: Buffer } | { refused: string }> {
  try {
    if (entry.size > mostBytes) return { refused: `has ${entry.size} bytes; at most ${mostBytes} are read` };
    // It may grow meanwhile.
    const bytes = Buffer.alloc(entry.size + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await readAt(descriptor, bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > entry.size) return { refused: 'changes while it is read' };
    return { bytes: bytes.subarray(0, length) };
  } finally {
    await close(descriptor);
  }
}
