import { join } from 'node:path';
import { absolute, type Config } from '../config/index.ts';
import { type AllowanceOf, type Files, openFiles } from '../files/index.ts';
import { type Clock, KnotError, type Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';

/** Opens the files of people and teams; undefined on a system where they are not available, which the log says. */
export function openPeoplesFiles(
  config: Config,
  parts: { store: Store; allowanceOf: AllowanceOf; clock: Clock; log: Log },
): Files | undefined {
  const { uploadMaxBytes, trashDays } = config.files;
  const folder = absolute(config, config.files.folder) ?? join(config.data, 'files');
  try {
    return openFiles({ settings: { folder, uploadMaxBytes, trashDays }, ...parts });
  } catch (error) {
    if (!(error instanceof KnotError) || error.code !== 'KNOT_FILES_UNAVAILABLE') throw error;
    parts.log.warn({ remedy: error.remedy }, error.message);
    return undefined;
  }
}
