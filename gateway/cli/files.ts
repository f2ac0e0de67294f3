import { createReadStream, createWriteStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openFilesBeside } from '../app/index.ts';
import {
  areaOfKey,
  type DiskArea,
  type Files,
  nameOf,
  type Path,
  pathOfText,
  textOf,
  textOfPath,
} from '../files/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Invocation, table, UsageError } from './command.ts';
import { withFacts } from './facts.ts';

type Place = { area: DiskArea; key: string; path: Path };
type Work = {
  files: Files;
  /** Who is named in the trash and in the audit record. */
  by: string;
  places: Place[];
  note(action: string, place: Place, detail?: Record<string, string | number>): Promise<void>;
};

const as = { as: { type: 'string' } } as const;
const written = (text: string): string[] => {
  // `team:physics:/a/b`: the area ends where the path begins.
  const at = text.indexOf(':/');
  if (at < 1) throw new UsageError(`"${text}" is not AREA:/PATH, such as private:/notes.txt or team:physics:/data`);
  return [text.slice(0, at), text.slice(at + 1)];
};

/** Opens the files for one command; whoever runs it owns the disk, so that nobody is asked whether they may. */
async function withFiles(
  invocation: Invocation,
  addresses: readonly string[],
  work: (parts: Work) => Promise<void>,
): Promise<void> {
  await withFacts(invocation, async (facts, config) => {
    const { accounts, owners, audit } = facts;
    const name = invocation.options['as'];
    const person = typeof name === 'string' ? await accounts.principalByName(name) : undefined;
    if (name !== undefined && person === undefined) throw noPlace(`There is no user "${String(name)}".`);
    const placeOf = async (address: string): Promise<Place> => {
      const [area = '', path = ''] = written(address);
      const [, team] = /^team:(.+)$/.exec(area) ?? [];
      if (area === 'private' && person === undefined) throw new UsageError('private needs --as USER');
      const owner = team === undefined ? undefined : await owners.find(team);
      const key = area === 'private' ? `private/${person!.id}` : owner?.kind === 'team' ? `team/${owner.id}` : area;
      const disk = areaOfKey(key);
      if (disk === undefined) throw noPlace(`There is no area "${area}".`);
      return { area: disk, key, path: pathOfText(path) };
    };
    const places: Place[] = [];
    for (const address of addresses) places.push(await placeOf(address));
    const files = await openFilesBeside(facts, config);
    if (files === undefined) throw noPlace('Files are not available on this system.');
    const by = person?.username ?? 'cli';
    try {
      await work({
        files,
        by,
        places,
        note: (action, { key, path }, detail = {}) =>
          audit.append({
            action,
            actor: 'cli',
            subject: `files:${key}`,
            outcome: 'done',
            detail: { path: textOfPath(path).slice(0, 500), ...(person && { as: person.username }), ...detail },
          }),
      });
    } finally {
      await files.close();
    }
  });
}

const noPlace = (message: string) =>
  knotError('KNOT_CLI_NO_AREA', 404, message, {
    remedy: 'Areas are private (with --as USER), shared, team:NAME and admin.',
  });

/** `put f shared:/d/` puts it into the folder, under its own name. */
const into = (place: Place, address: string, name: string): Place =>
  address.endsWith('/') ? { ...place, path: [...place.path, nameOf(name)] } : place;

const time = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

export const fileCommands: readonly Command[] = [
  {
    words: ['files', 'ls'],
    usage: 'AREA:/PATH [--as USER] [--json]',
    summary: 'Lists a folder of an area: private (of --as), shared, team:NAME, admin.',
    options: { ...as, json: { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      await withFiles(invocation, invocation.positionals, async ({ files, places: [place] }) => {
        const { area, path } = place!;
        const found = files.look(area, path);
        const all = { sort: 'name', isDescending: false, offset: 0, limit: 1_000_000 } as const;
        const entries = found.kind === 'folder' ? (await files.list(area, path, all)).entries : [found];
        const rows = entries.map(({ name, kind, size, modifiedAt }) => [kind, String(size), time(modifiedAt), name]);
        const output =
          invocation.options['json'] === true
            ? JSON.stringify(entries, null, 2)
            : table([['KIND', 'BYTES', 'CHANGED (UTC)', 'NAME'], ...rows]);
        invocation.streams.stdout.write(`${output}\n`);
      });
    },
  },
  {
    words: ['files', 'put'],
    usage: 'FILE|- AREA:/PATH [--as USER]',
    summary: 'Writes a file; into a folder when PATH ends with a slash.',
    options: as,
    positionals: [2, 2],
    async run(invocation) {
      const [source = '', target = ''] = invocation.positionals;
      await withFiles(invocation, [target], async ({ files, places, note }) => {
        const place = into(places[0]!, target, basename(source));
        const file = source === '-' ? undefined : createReadStream(source);
        // Whoever reads is told; it may fail before anybody does.
        file?.on('error', () => undefined);
        const body = file ?? invocation.streams.stdin;
        const { entry } = await files.put(place.area, place.path, body as ReturnType<typeof createReadStream>, {});
        await note('files.written', place, { bytes: entry.size });
      });
    },
  },
  {
    words: ['files', 'get'],
    usage: 'AREA:/PATH [FILE|-] [--as USER]',
    summary: 'Reads a file; into one of its name here, or to standard output with "-".',
    options: as,
    positionals: [1, 2],
    async run(invocation) {
      const [address = '', target] = invocation.positionals;
      await withFiles(invocation, [address], async ({ files, places: [place] }) => {
        const { descriptor } = files.open(place!.area, place!.path);
        const name = target ?? basename(textOf(place!.path.at(-1)!));
        const source = createReadStream('', { fd: descriptor });
        if (name === '-') for await (const chunk of source) invocation.streams.stdout.write(chunk as Buffer);
        else await pipeline(source, createWriteStream(name, { flags: target === undefined ? 'wx' : 'w' }));
      });
    },
  },
  {
    words: ['files', 'rm'],
    usage: 'AREA:/PATH [--as USER]',
    summary: 'Deletes into the trash of the area.',
    options: as,
    positionals: [1, 1],
    async run(invocation) {
      await withFiles(invocation, invocation.positionals, async ({ files, by, places: [place], note }) => {
        await files.trash(place!.area, place!.path, by);
        await note('files.trashed', place!);
      });
    },
  },
  {
    words: ['files', 'mv'],
    usage: 'AREA:/PATH AREA:/PATH [--as USER]',
    summary: 'Renames or moves, also to another area; into a folder when the second PATH ends with a slash.',
    options: as,
    positionals: [2, 2],
    async run(invocation) {
      const [, target = ''] = invocation.positionals;
      await withFiles(invocation, invocation.positionals, async ({ files, places: [from, to], note }) => {
        const place = into(to!, target, textOf(from!.path.at(-1) ?? Buffer.from('/')));
        await files.move(from!, place, {});
        await note('files.moved', from!, { to: place.key, toPath: textOfPath(place.path).slice(0, 500) });
      });
    },
  },
];
