import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type Log, mostSocketBytes } from '../../lib/index.ts';

/** Where the files of somebody lie on this machine: absolute folders that are there. */
export type PersonsFiles = { private: string; shared: string; teams: { name: string; folder: string }[] };

/** Undefined for a name that is nobody's. */
export type FilesOf = (username: string) => Promise<PersonsFiles | undefined>;

export const socketIn = (launchFolder: string): string => join(launchFolder, 'areas.sock');

/**
 * Tells the launcher of notebook servers whose files lie where, at each start: teams change while the gateway runs. Only the gateway's
 * own account reaches the folder of the socket. A question is a username and a line end, the answer JSON.
 */
export async function openAreasSocket(options: {
  launchFolder: string;
  filesOf: FilesOf;
  /** Hears what each server is started with. */
  onStart: (username: string, files: PersonsFiles | undefined) => void;
  log: Log;
}): Promise<Server> {
  const { launchFolder, filesOf, onStart, log } = options;
  const path = socketIn(launchFolder);
  if (Buffer.byteLength(path) > mostSocketBytes)
    log.warn({ path }, 'the data folder has too long a path for notebook servers');
  mkdirSync(launchFolder, { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  const server = createServer((connection) => {
    let question = '';
    connection.setTimeout(10_000, () => connection.destroy());
    connection.on('error', () => undefined);
    connection.setEncoding('utf8').on('data', (text: string) => {
      question += text;
      if (question.length > 100) connection.destroy();
      if (!question.endsWith('\n')) return;
      const username = question.trim();
      filesOf(username)
        .then((files) => {
          onStart(username, files);
          connection.end(JSON.stringify(files ?? null));
        })
        .catch((error: unknown) => {
          log.error({ err: error }, 'a notebook server was not told where its files are');
          connection.destroy();
        });
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(path, resolve);
  await promise;
  return server;
}
