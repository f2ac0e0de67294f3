import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exportPerson, openFilesBeside } from '../../app/index.ts';
import { nameOf } from '../../files/index.ts';
import { knotError } from '../../lib/index.ts';
import type { Invocation } from '../command.ts';
import { withFacts } from '../facts.ts';
import { localPath, writeLocal } from './local.ts';

/** All that is somebody's into a file of this machine that is not there yet, or to standard output (`-`). */
export async function writePerson(invocation: Invocation, name: string, to: string): Promise<void> {
  const { stdout } = invocation.streams;
  await withFacts(invocation, async (facts, config) => {
    const files = await openFilesBeside(facts, config);
    if (files === undefined) throw knotError('KNOT_FILES_UNAVAILABLE', 503, 'Files are not available on this system.');
    try {
      const archive = await exportPerson(facts, files, name);
      if (to === '-') return await pipeline(archive, stdout, { end: false });
      await writeInto(to, archive);
      stdout.write(`${to} has what ${name} has in Knot.\n`);
    } finally {
      await files.close();
    }
  });
}

/** Nobody else may read it. @throws KNOT_CLI_FILES_EXIST: what is there is not replaced */
function writeInto(to: string, archive: Readable): Promise<void> {
  const options = { replaces: false, isRoot: true, modifiedAt: 0, mode: 0o600 };
  return writeLocal(localPath(dirname(to)), nameOf(basename(to)), options, async (write) => {
    for await (const chunk of archive as AsyncIterable<Buffer>) await write(chunk);
  });
}
