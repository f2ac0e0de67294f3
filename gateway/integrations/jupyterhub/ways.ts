import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { checkName, type Log } from '../../lib/index.ts';
import { answerPlainly, listenAt, passOn } from '../../process/index.ts';

/** Serves the way out of one person's notebook server at a socket; the function that ends it. */
export type WayOut = (username: string, socket: string) => Promise<() => void>;

export type Ways = {
  /** Opens those of one person's server, which starts now or goes on. False for a name that is nobody's. */
  open(username: string): Promise<boolean>;
  close(): void;
};

/** Where the sockets are that one person's server sees; `username` may be a placeholder. */
export const waysFolderOf = (folder: string, username: string): string => join(folder, 'ways', username);
/** Where one person's server listens. */
export const serverFolderOf = (folder: string, username: string): string => join(folder, 'run', username);

const mostConnections = 64;

/**
 * What a notebook server reaches from a network that is its own: the few questions that it has to ask its hub, and what the way out
 * leads to. Each is a Unix socket in a folder of the gateway that only this server sees.
 */
export function createWays(options: { folder: string; hubPort: number; wayOut: WayOut | undefined; log: Log }): Ways {
  const { folder, hubPort, wayOut, log } = options;
  const opened = new Map<string, Promise<() => void>>();

  async function openAll(username: string): Promise<() => void> {
    const place = waysFolderOf(folder, username);
    mkdirSync(place, { recursive: true, mode: 0o755 });
    // The folder above is the gateway's alone; inside the sandbox whoever runs there is another account.
    chmodSync(join(folder, 'ways'), 0o700);
    chmodSync(place, 0o755);
    const hubSocket = join(place, 'hub.sock');
    const outSocket = join(place, 'out.sock');
    for (const socket of [hubSocket, outSocket]) rmSync(socket, { force: true });
    const hub = serveHub(username, hubPort, log);
    let closeOut: (() => void) | undefined;
    const close = (): void => {
      hub.close();
      hub.closeAllConnections();
      closeOut?.();
    };
    try {
      await listenAt(hub, hubSocket);
      chmodSync(hubSocket, 0o666);
      closeOut = await wayOut?.(username, outSocket);
      if (closeOut) chmodSync(outSocket, 0o666);
    } catch (error) {
      close();
      throw error;
    }
    return close;
  }

  return {
    async open(username) {
      if (checkName(username) !== undefined) return false;
      let ways = opened.get(username);
      if (ways === undefined) {
        ways = openAll(username);
        opened.set(username, ways);
        ways.catch((error: unknown) => {
          log.error({ err: error }, 'a notebook server has no way to its hub');
          opened.delete(username);
        });
      }
      await ways;
      return true;
    },
    close() {
      for (const ways of opened.values())
        void ways.then(
          (end) => end(),
          () => undefined,
        );
      opened.clear();
    },
  };
}

/**
 * What a server asks its hub (jupyterhub 5: services/auth.py, singleuser/extension.py): which version it is, who holds a token, a token for a code of
 * the sign-in, and that it is in use. Everything else of the hub is for browsers, which come through the gateway.
 */
function mayAsk(username: string, method: string | undefined, target: string | undefined): boolean {
  const path = target?.split('?', 1)[0];
  if (method === 'GET') return path === '/hub/api' || path === '/hub/api/' || path === '/hub/api/user';
  return method === 'POST' && (path === '/hub/api/oauth2/token' || path === `/hub/api/users/${username}/activity`);
}

function serveHub(username: string, hubPort: number, log: Log): Server {
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    if (!mayAsk(username, incoming.method, incoming.url))
      return answerPlainly(response, 403, 'Not for notebook servers.\n');
    passOn(incoming, response, {
      path: incoming.url!,
      host: incoming.headers.host ?? `127.0.0.1:${hubPort}`,
      connection: { hostname: '127.0.0.1', port: hubPort, agent: false },
      unanswered: 'The hub does not answer.\n',
    });
  });
  server.on('error', (error) => log.warn({ err: error }, 'a notebook server cannot connect to its hub'));
  server.maxConnections = mostConnections;
  // The hub is asked for nothing that changes protocols.
  server.on('upgrade', (_request, socket) => socket.destroy());
  return server;
}
