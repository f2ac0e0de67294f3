import { createHash } from 'node:crypto';
import { closeSync, createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { openFilesBeside } from '../../app/index.ts';
import { areaOfKey, type DiskArea, type Files, nameOf, sha256OfOpen, textOfPath } from '../../files/index.ts';
import { KnotError, knotError } from '../../lib/index.ts';
import { type Invocation, UsageError } from '../command.ts';
import { withFacts } from '../facts.ts';
import type { Place, Side } from './side.ts';

type Spot = { area: DiskArea; key: string; path: Place['path'] };

/** On the gateway's own machine; whoever runs it owns the disk, so that nobody is asked whether they may. */
export async function withFilesHere(invocation: Invocation, work: (side: Side) => Promise<void>): Promise<void> {
  await withFacts(invocation, async (facts, config) => {
    const { accounts, owners, audit } = facts;
    const name = invocation.options['as'];
    const person = typeof name === 'string' ? await accounts.principalByName(name) : undefined;
    if (name !== undefined && person === undefined) throw noPlace(`There is no user "${String(name)}".`);
    const files = await openFilesBeside(facts, config);
    if (files === undefined) throw noPlace('Files are not available on this system.');

    async function spotOf({ area, path }: Place): Promise<Spot> {
      const [, team] = /^team:(.+)$/.exec(area) ?? [];
      if (area === 'private' && person === undefined) throw new UsageError('private needs --as USER');
      const owner = team === undefined ? undefined : await owners.find(team);
      const key = area === 'private' ? `private/${person!.id}` : owner?.kind === 'team' ? `team/${owner.id}` : area;
      const disk = areaOfKey(key);
      if (disk === undefined) throw noPlace(`There is no area "${area}".`);
      return { area: disk, key, path };
    }

    /** Into the audit record. */
    const note = (action: string, { key, path }: Spot, detail: Record<string, string | number> = {}) =>
      audit.append({
        action,
        actor: 'cli',
        subject: `files:${key}`,
        outcome: 'done',
        detail: { path: shortened(path), ...(person && { as: person.username }), ...detail },
      });
    /** A share is of a place: what has left it must not give away what comes to lie there next (decision 0039). */
    async function endShares({ key, path }: Spot, reason: string): Promise<void> {
      await facts.shares.load();
      await facts.shares.endBelow({ kind: 'files', id: key, path: textOfPath(path) }, { actor: 'cli', reason });
    }

    try {
      await work(sideOn(files, spotOf, note, endShares, person?.username ?? 'cli'));
    } finally {
      await files.close();
    }
  });
}

const shortened = (path: Place['path']): string => textOfPath(path).slice(0, 500);

function sideOn(
  files: Files,
  spotOf: (place: Place) => Promise<Spot>,
  note: (action: string, spot: Spot, detail?: Record<string, string | number>) => Promise<void>,
  endShares: (spot: Spot, reason: string) => Promise<void>,
  by: string,
): Side {
  async function withOpen<T>(place: Place, work: (descriptor: number, size: number) => Promise<T>): Promise<T> {
    const { area, path } = await spotOf(place);
    const { descriptor, entry } = files.open(area, path);
    try {
      return await work(descriptor, entry.size);
    } finally {
      closeSync(descriptor);
    }
  }

  async function put(place: Place, body: Readable, options: Parameters<Files['put']>[3]): Promise<void> {
    const spot = await spotOf(place);
    const { entry } = await files.put(spot.area, spot.path, body, options);
    await note('files.written', spot, { bytes: entry.size });
  }

  return {
    async look(place) {
      const { area, path } = await spotOf(place);
      try {
        return files.look(area, path);
      } catch (error) {
        if (error instanceof KnotError && error.statusCode === 404) return undefined;
        throw error;
      }
    },
    async list(place) {
      const { area, path } = await spotOf(place);
      const all = { sort: 'name', isDescending: false, offset: 0, limit: 10_000_000 } as const;
      const { entries } = await files.list(area, path, all);
      return entries.map((entry) => ({ ...entry, name: nameOf(entry.name) }));
    },
    sha256: (place) => withOpen(place, (descriptor) => sha256OfOpen(descriptor)),
    read: (place, write) =>
      withOpen(place, async (descriptor, size) => {
        const hash = createHash('sha256');
        const source = createReadStream('', { fd: descriptor, autoClose: false, start: 0 });
        for await (const chunk of source as AsyncIterable<Buffer>) {
          hash.update(chunk);
          await write(chunk);
        }
        return { size, sha256: hash.digest('hex') };
      }),
    async write(place, { size, sha256, modifiedAt, open }, { isNew = false, ifMatch }, onBytes) {
      const body = open(0);
      body.on('data', (chunk: Buffer) => onBytes(chunk.length)).pause();
      const condition = {
        length: size,
        sha256,
        modifiedAt,
        isNew,
        ...(ifMatch !== undefined && { ifMatch: [ifMatch] }),
      };
      await put(place, body, condition);
    },
    writeStream: (place, body, { isNew = false, ifMatch }) =>
      put(place, body, { isNew, ...(ifMatch !== undefined && { ifMatch: [ifMatch] }) }),
    async makeFolder(place) {
      const spot = await spotOf(place);
      files.makeFolder(spot.area, spot.path);
      await note('files.folder-made', spot);
    },
    async move(from, to) {
      const [source, target] = [await spotOf(from), await spotOf(to)];
      await files.move(source, target, {});
      await endShares(source, 'moved');
      await note('files.moved', source, { to: target.key, toPath: shortened(target.path) });
    },
    async trash(place) {
      const spot = await spotOf(place);
      await files.trash(spot.area, spot.path, by);
      await endShares(spot, 'deleted');
      await note('files.trashed', spot);
    },
  };
}

const noPlace = (message: string) =>
  knotError('KNOT_CLI_NO_AREA', 404, message, {
    remedy: 'Areas are private (with --as USER), shared, team:NAME and admin.',
  });
