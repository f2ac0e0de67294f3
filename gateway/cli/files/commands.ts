import { textOf } from '../../files/index.ts';
import { type Command, type Invocation, table, UsageError } from '../command.ts';
import { eitherOptions as options, eitherUsage as usage, isHere, withApi } from '../elsewhere/which.ts';
import { nothingAt, typedPlace, type Typed } from './address.ts';
import { planGet } from './get.ts';
import { withFilesHere } from './here.ts';
import { planPut, planStream } from './put.ts';
import type { Side } from './side.ts';
import { filesThere } from './there.ts';
import { carryOut, existingOf, transferOptions } from './transfer.ts';

const transferUsage = `[--replace | --skip] [--json] ${usage}`;

const withSide = (invocation: Invocation, work: (side: Side) => Promise<void>): Promise<void> =>
  isHere(invocation) ? withFilesHere(invocation, work) : withApi(invocation, (api) => work(filesThere(api)));

const time = (ms: number) => (ms === 0 ? '' : new Date(ms).toISOString().slice(0, 19).replace('T', ' '));

/** `mv f shared:/d/` moves it into the folder, under its own name. */
const into = (target: Typed, from: Typed): Typed =>
  target.isFolder ? { ...target, path: [...target.path, ...from.path.slice(-1)] } : target;

export const fileCommands: readonly Command[] = [
  {
    words: ['files', 'ls'],
    usage: `AREA:/PATH [--json] ${usage}`,
    summary:
      'Lists a folder of an area: private, shared, team:NAME, admin; on the Knot you signed in to, or here with --as.',
    options: { ...options, json: { type: 'boolean' } },
    positionals: [1, 1],
    async run(invocation) {
      const place = typedPlace(invocation.positionals[0]!);
      await withSide(invocation, async (side) => {
        const found = await side.look(place);
        if (found === undefined) throw nothingAt(place);
        const own = place.path.at(-1);
        const children = found.kind === 'folder' ? await side.list(place) : [{ ...found, name: own! }];
        const entries = children.map(({ name, kind, size, modifiedAt, etag }) => ({
          name: textOf(name),
          kind,
          size,
          modifiedAt,
          etag,
        }));
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
    usage: `FILE|FOLDER|- AREA:/PATH ${transferUsage}`,
    summary:
      'Sends a file or a folder; FOLDER/ is what is in it. Into a folder when PATH ends with a slash. Equal files are not sent; others of the same name are named first.',
    options: { ...options, ...transferOptions },
    positionals: [2, 2],
    async run(invocation) {
      const [source = '', typed = ''] = invocation.positionals;
      const target = typedPlace(typed);
      const existing = existingOf(invocation);
      if (source === '-' && target.isFolder) throw new UsageError('what comes from standard input needs a name');
      await withSide(invocation, async (side) => {
        const plan =
          source === '-'
            ? planStream(side, invocation.streams.stdin, target, existing)
            : await planPut(side, source, target, existing);
        await carryOut(invocation, plan, 'sent');
      });
    },
  },
  {
    words: ['files', 'get'],
    usage: `AREA:/PATH [FILE|FOLDER|-] ${transferUsage}`,
    summary:
      'Fetches a file or a folder; PATH/ is what is in it. To standard output with "-". Equal files are not fetched; others of the same name are named first.',
    options: { ...options, ...transferOptions },
    positionals: [1, 2],
    async run(invocation) {
      const [address = '', target] = invocation.positionals;
      const source = typedPlace(address);
      const existing = existingOf(invocation);
      const { stdout } = invocation.streams;
      if (target === '-' && invocation.options['json'] === true)
        throw new UsageError('--json: standard output is for the file itself when it goes there');
      await withSide(invocation, async (side) => {
        if (target !== '-') return carryOut(invocation, await planGet(side, source, target, existing), 'fetched');
        await side.read(source, (chunk) => writeTo(stdout, chunk));
      });
    },
  },
  {
    words: ['files', 'rm'],
    usage: `AREA:/PATH ${usage}`,
    summary: 'Deletes into the trash of the area.',
    options,
    positionals: [1, 1],
    async run(invocation) {
      const place = typedPlace(invocation.positionals[0]!);
      await withSide(invocation, (side) => side.trash(place));
    },
  },
  {
    words: ['files', 'mv'],
    usage: `AREA:/PATH AREA:/PATH ${usage}`,
    summary: 'Renames or moves, also to another area; into a folder when the second PATH ends with a slash.',
    options,
    positionals: [2, 2],
    async run(invocation) {
      const [from, to] = invocation.positionals.map(typedPlace) as [Typed, Typed];
      await withSide(invocation, (side) => side.move(from, into(to, from)));
    },
  },
  {
    words: ['files', 'mkdir'],
    usage: `AREA:/PATH ${usage}`,
    summary: 'Makes a folder.',
    options,
    positionals: [1, 1],
    async run(invocation) {
      const place = typedPlace(invocation.positionals[0]!);
      await withSide(invocation, (side) => side.makeFolder(place));
    },
  },
];

/** Waits for a reader that is slower. */
const writeTo = (stream: NodeJS.WritableStream, chunk: Buffer): Promise<void> =>
  new Promise((resolve, reject) =>
    stream.write(chunk, (error) => (error === null || error === undefined ? resolve() : reject(error))),
  );
