/**
 * A folder of files that a template is read from, wherever it lies: on this machine, or in somebody's file area. Paths are relative to
 * it, with slashes; links in it are never followed.
 */
export type TemplateFolder = {
  /** Where it is, for people. */
  path: string;
  /** Where a folder in it is, for people, where its name does not say so. */
  pathOf?(name: string): string | undefined;
  /** What stands directly in a folder of it ('' for itself), by name. @throws when it cannot be read */
  entries(below: string): Promise<readonly TemplateEntry[]>;
  /** The bytes of a plain file, or why they are not read. */
  read(path: string, mostBytes: number): Promise<{ bytes: Buffer } | { refused: string }>;
};

export type TemplateEntry = { name: string; kind: 'file' | 'folder' | 'other' };

/** A folder in such a folder; `name` is one name. */
export function folderIn(folder: TemplateFolder, name: string): TemplateFolder {
  return {
    path: folder.pathOf?.(name) ?? `${folder.path}/${name}`,
    entries: (below) => folder.entries(below === '' ? name : `${name}/${below}`),
    read: (path, mostBytes) => folder.read(`${name}/${path}`, mostBytes),
  };
}
