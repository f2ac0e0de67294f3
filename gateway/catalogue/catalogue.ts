import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../lib/index.ts';
import { readTemplateFolder } from './folder.ts';
import { readTemplate } from './read-template.ts';
import { type Origin, type Template, templateId } from './template.ts';

/** A folder of templates: each folder in it is one. */
export type TemplateSource = { folder: string; origin: Origin };

export type Catalogue = {
  /** Every template of the administrators, by title; what is wrong with one stands in it. */
  list(): Promise<readonly Template[]>;
  /** By id (`templateId`). */
  find(id: string): Promise<Template | undefined>;
};

const mostTemplates = 500;
/** A list is read again this long after it was read: whoever edits a template sees it at the next look. */
const freshMs = 2_000;

/**
 * Reads the templates of some folders of this machine. Two of one name never hide one another: the second is listed as what it is,
 * a mistake, and the first goes on.
 */
export function createCatalogue(options: {
  sources: readonly TemplateSource[];
  now: () => number;
  log: Log;
}): Catalogue {
  const { sources, now, log } = options;
  let known: { at: number; templates: Promise<readonly Template[]> } | undefined;

  function list(): Promise<readonly Template[]> {
    if (known !== undefined && now() - known.at < freshMs) return known.templates;
    const fresh = { at: now(), templates: readAll(sources, log) };
    known = fresh;
    fresh.templates.catch(() => {
      if (known === fresh) known = undefined;
    });
    return fresh.templates;
  }

  return {
    list,
    async find(id) {
      const templates = await list();
      return templates.find((template) => templateId(template) === id);
    },
  };
}

async function readAll(sources: readonly TemplateSource[], log: Log): Promise<readonly Template[]> {
  const found = new Map<string, Template>();
  for (const { folder, origin } of sources) {
    for (const name of await foldersIn(folder, log)) {
      const template = await readTemplateAt(join(folder, name), name, origin).catch((error: unknown) => {
        log.warn({ err: error, folder, name }, 'a template cannot be read');
        return undefined;
      });
      if (template === undefined) continue;
      const id = templateId(template);
      if (!found.has(id)) found.set(id, template);
      else log.warn({ folder, name }, 'a template of this name is there already: this one is left out');
    }
  }
  return [...found.values()].sort((a, b) => a.title.localeCompare(b.title, 'en') || (a.name < b.name ? -1 : 1));
}

/** One template folder, as the catalogue would list it. */
export async function readTemplateAt(folder: string, name: string, origin: Origin): Promise<Template> {
  return readTemplate(folder, name, origin, await readTemplateFolder(folder));
}

async function foldersIn(folder: string, log: Log): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
    if (names.length > mostTemplates) log.warn({ folder }, `only ${mostTemplates} templates are read`);
    return names.sort().slice(0, mostTemplates);
  } catch (error) {
    log.warn({ err: error, folder }, 'a folder of templates cannot be read');
    return [];
  }
}
