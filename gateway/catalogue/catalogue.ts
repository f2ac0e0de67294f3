import {
  type EngineKind,
  folderIn,
  type Log,
  needsPackages,
  type Principal,
  type TemplateFolder,
} from '../lib/index.ts';
import { readTemplateFiles } from './folder.ts';
import { createFresh } from './fresh.ts';
import { readTemplate } from './read-template.ts';
import { type Origin, partsOfOwn, type Template, templateId } from './template.ts';

/** A folder of templates: each folder in it is one. */
export type TemplateSource = {
  folder: TemplateFolder;
  origin: Origin;
  /** Whether its templates may ask for packages; they may without. */
  mayNeedPackages?: boolean;
  /** Of one template, where there are several: the newest first. Each is in a folder `NAME@VERSION` too. */
  versionsOf?(name: string): Promise<readonly string[]>;
};

export type Catalogue = {
  /** Every template of the administrators, and of this person and their teams, by title; what is wrong with one stands in it. */
  list(person?: Principal): Promise<readonly Template[]>;
  /** By id (`templateId`, with `@VERSION` after it for that one of several); those of people and teams only for whom they are. */
  find(id: string, person?: Principal): Promise<Template | undefined>;
};

const mostTemplates = 500;
/** How many are read beside one another: most of it is waiting for a disk. */
const atOnce = 16;
/** Of one person or team. */
const mostOwnTemplates = 50;
const nameOfFolder = /^[a-z][a-z0-9-]{0,39}$/;

/**
 * Reads the templates of some folders, those of administrators and those that a person or a team keeps among their files. Two of one
 * name never hide one another: ids of people's and teams' say whose they are, and the second of one id is listed as what it is, a
 * mistake, while the first goes on.
 */
export function createCatalogue(options: {
  sources: readonly TemplateSource[];
  /** The folders of a person and of their teams that they may read. */
  sourcesOf?: (person: Principal) => Promise<readonly TemplateSource[]>;
  /** What runs services here; `process` by default. */
  engine?: EngineKind;
  now: () => number;
  log: Log;
}): Catalogue {
  const { sources, sourcesOf = () => Promise.resolve([]), engine = 'process', now, log } = options;
  const freshOfAll = createFresh<readonly Template[]>(now);
  const freshOfOwners = createFresh<Template | undefined>(now);

  const shared = (): Promise<readonly Template[]> => freshOfAll('', () => readShared(sources, engine, log));
  /** By id and not by folder: the private files of everybody are found at one path. */
  const readOwn = (source: TemplateSource, name: string, version?: string): Promise<Template | undefined> => {
    const id = templateId({ origin: source.origin, name });
    const folder = version === undefined ? name : `${name}@${version}`;
    return freshOfOwners(`${id} ${folder}`, () => readFrom(source, name, engine, log, folder));
  };

  async function own(person: Principal): Promise<Template[]> {
    const found: Template[] = [];
    for (const source of await sourcesOf(person)) {
      // Most people have none: a folder that is not there is no mistake.
      const entries = await source.folder.entries('').catch(() => []);
      const folders = entries.filter(({ kind, name }) => kind === 'folder' && nameOfFolder.test(name));
      for (const { name } of folders.slice(0, mostOwnTemplates)) {
        const template = await readOwn(source, name);
        if (template) found.push(template);
      }
    }
    return found;
  }

  return {
    async list(person) {
      const all = [...(await shared()), ...(person ? await own(person) : [])];
      return all.sort((a, b) => a.title.localeCompare(b.title, 'en') || (a.name < b.name ? -1 : 1));
    },
    async find(id, person) {
      if (!/^(?:team|user):/.test(id)) return (await shared()).find((template) => templateId(template) === id);
      const parts = partsOfOwn(id);
      if (person === undefined || parts === undefined) return undefined;
      const { name, version } = parts;
      const isIn = ({ origin }: TemplateSource): boolean =>
        templateId({ origin, name }) === templateId({ origin: parts.origin, name });
      for (const source of await sourcesOf(person)) if (isIn(source)) return readOwn(source, name, version);
      return undefined;
    },
  };
}

async function readShared(
  sources: readonly TemplateSource[],
  engine: EngineKind,
  log: Log,
): Promise<readonly Template[]> {
  const found = new Map<string, Template>();
  for (const source of sources) {
    const names = await foldersIn(source.folder, log);
    for (let first = 0; first < names.length; first += atOnce) {
      const some = names.slice(first, first + atOnce);
      for (const template of await Promise.all(some.map((name) => readFrom(source, name, engine, log)))) {
        if (template === undefined) continue;
        const id = templateId(template);
        if (!found.has(id)) found.set(id, template);
        else
          log.warn({ folder: template.folder.path }, 'a template of this name is there already: this one is left out');
      }
    }
  }
  return [...found.values()];
}

/** One template folder, as the catalogue would list it. @throws when it cannot be read */
export async function readTemplateAt(
  folder: TemplateFolder,
  name: string,
  origin: Origin,
  {
    mayNeedPackages = true,
    engine = 'process',
  }: Pick<TemplateSource, 'mayNeedPackages'> & { engine?: EngineKind } = {},
): Promise<Template> {
  const template = readTemplate(folder, name, origin, await readTemplateFiles(folder), engine);
  if (
    engine === 'kubernetes' ||
    mayNeedPackages ||
    template.process === undefined ||
    !needsPackages(template.process.needs)
  )
    return template;
  const message = 'needs packages, which templates of people and teams may not have on this platform';
  return { ...template, problems: [...template.problems, { file: 'process.yaml', severity: 'error', message }] };
}

async function readFrom(
  source: TemplateSource,
  name: string,
  engine: EngineKind,
  log: Log,
  folderName = name,
): Promise<Template | undefined> {
  const folder = folderIn(source.folder, folderName);
  try {
    const template = await readTemplateAt(folder, name, source.origin, { ...source, engine });
    const versions = await source.versionsOf?.(name);
    return { ...template, ...(versions !== undefined && { versions }) };
  } catch (error) {
    const said = { err: error, folder: folder.path };
    // What people keep among their files is theirs to see to; what administrators offer is missed by everybody.
    if ('owner' in source.origin) log.debug(said, 'a template cannot be read');
    else log.warn(said, 'a template cannot be read');
    return undefined;
  }
}

async function foldersIn(folder: TemplateFolder, log: Log): Promise<string[]> {
  try {
    const names = (await folder.entries(''))
      .filter(({ kind, name }) => kind === 'folder' && !name.startsWith('.'))
      .map(({ name }) => name);
    if (names.length > mostTemplates) log.warn({ folder: folder.path }, `only ${mostTemplates} templates are read`);
    return names.slice(0, mostTemplates);
  } catch (error) {
    log.warn({ err: error, folder: folder.path }, 'a folder of templates cannot be read');
    return [];
  }
}
