import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type Log, mostSocketBytes } from '../../lib/index.ts';
import { listenAt } from '../../process/index.ts';

/** Where the files of somebody lie on this machine: absolute folders that are there. */
export type PersonsFiles = { private: string; shared: string; teams: { name: string; folder: string }[] };

/** Undefined for a name that is nobody's. */
export type FilesOf = (username: string) => Promise<PersonsFiles | undefined>;

export const socketIn = (launchFolder: string): string => join(launchFolder, 'areas.sock');

/**
 * Hears of each start of a notebook server, opens what it needs and tells its launcher whose files lie where: teams change while the
 * gateway runs. Only the gateway's own account reaches the folder of the socket. A question is a username and a line end, the answer JSON:
 * folders, `{}` where everybody has a folder of their name, or null for a name that is nobody's.
 */
export async function openAreasSocket(options: {
  launchFolder: string;
  filesOf: FilesOf | undefined;
  /** Hears what each server is started with; it begins when this is done. False for a name that is nobody's. */
  onStart: (username: string, files: PersonsFiles | undefined) => Promise<boolean>;
  log: Log;
}): Promise<Server> {
  const { launchFolder, filesOf, onStart, log } = options;
  const path = socketIn(launchFolder);
  if (Buffer.byteLength(path) > mostSocketBytes)
    log.warn({ path }, 'the data folder has too long a path for notebook servers');
  mkdirSync(launchFolder, { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  async function answer(username: string): Promise<PersonsFiles | Record<string, never> | undefined> {
    const files = filesOf ? await filesOf(username) : undefined;
    if (!(await onStart(username, files))) return undefined;
    return filesOf ? files : {};
  }

  const server = createServer((connection) => {
    let question = '';
    connection.setTimeout(10_000, () => connection.destroy());
    connection.on('error', () => undefined);
    connection.setEncoding('utf8').on('data', (text: string) => {
      question += text;
      if (question.length > 100) connection.destroy();
      if (!question.endsWith('\n')) return;
      const username = question.trim();
      answer(username)
        .then((found) => connection.end(JSON.stringify(found ?? null)))
        .catch((error: unknown) => {
          log.error({ err: error }, 'a notebook server was not told where its files are');
          connection.destroy();
        });
    });
  });
  await listenAt(server, path);
  return server;
}
