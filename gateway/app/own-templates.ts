import { close as closeDescriptor } from 'node:fs';
import { promisify } from 'node:util';
import { type ChartShelf, readWhole, type TemplateSource } from '../catalogue/index.ts';
import { areaOfKey, type DiskArea, type Files, nameOf, type Path } from '../files/index.ts';
import { KnotError, type Principal, type TemplateEntry, type TemplateFolder } from '../lib/index.ts';
import { namespaceResource, type Owner, type Owners } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';
import { createMayUse, isAllowed } from './may-use.ts';

const close = promisify(closeDescriptor);

export type OwnTemplatesParts = {
  files: Files;
  owners: Pick<Owners, 'areasOf' | 'of'>;
  policy: Pick<Policy, 'decide'>;
  /** Where somebody's charts in the registry are, where there is one. */
  shelfOf?: ((owner: string) => ChartShelf) | undefined;
};

/** The folder of a file area in which each folder is a template. */
const ownFolder = 'services';
/** What is listed of one folder at most. */
const mostEntries = 1_000;

/**
 * Where a person finds templates of their own and of their teams: in `services/` of each area whose files they may read, through the one
 * way into file areas, so that no link leads out of them; and among the charts that owners whose things they may see pushed to the registry.
 */
export function createOwnTemplates(
  parts: OwnTemplatesParts & { domain: string; mayNeedPackages: boolean },
): (person: Principal) => Promise<TemplateSource[]> {
  const { files, owners, policy, shelfOf, domain, mayNeedPackages } = parts;
  const mayRead = createMayUse(policy, domain, ['readFiles']);
  const maySee = (principal: Principal, owner: Owner): boolean =>
    isAllowed(policy, { principal, action: 'see', resource: namespaceResource(owner) }, { host: domain });

  return async (person) => {
    if (person.state !== 'active') return [];
    const sources: TemplateSource[] = [];
    for (const area of await owners.areasOf(person)) {
      const { kind, owner, key, name } = area;
      if ((kind !== 'private' && kind !== 'team') || owner === undefined || !mayRead(person, area)) continue;
      const folder = folderOfTemplates(files, areaOfKey(key)!, `/files/${name.replace(':', '/')}`);
      sources.push({ folder, origin: { kind: owner.kind, owner: owner.name }, mayNeedPackages });
    }
    if (shelfOf === undefined) return sources;
    for (const owner of await owners.of(person)) {
      if (!maySee(person, owner)) continue;
      const { kind, name } = owner;
      sources.push({ ...shelfOf(name), origin: { kind, owner: name, isFromRegistry: true }, mayNeedPackages });
    }
    return sources;
  };
}

/** The one of a file area. `shown`: where people find the area. */
function folderOfTemplates(files: Files, area: DiskArea, shown: string): TemplateFolder {
  const at = (below: string): Path =>
    [ownFolder, ...below.split('/').filter((part) => part !== '')].map((part) => nameOf(part));
  return {
    path: `${shown}/${ownFolder}`,
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
        const { entry, descriptor } = files.open(area, at(path));
        return await readWhole(descriptor, entry.size, mostBytes).finally(() => close(descriptor));
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
