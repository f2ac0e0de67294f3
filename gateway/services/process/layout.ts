import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Where the process engine keeps what in the data folder. Names follow from ids, never from what people choose. */
export type Layout = ReturnType<typeof layoutIn>;

export function layoutIn(dataFolder: string) {
  const root = join(dataFolder, 'services');
  // The path of a socket has at most 107 bytes (unix(7)): what it consists of is short.
  const short = (id: string): string => id.replaceAll('-', '').slice(0, 20);
  return {
    root,
    short,
    templates: join(root, 'templates'),
    packages: join(root, 'packages'),
    identity: join(root, 'identity'),
    /** What it offers to its owner's other services. */
    offer: (id: string) => join(root, 'offer', short(id)),
    /** What a service keeps for itself when it stops. */
    home: (id: string) => join(root, 'home', id),
    /** The folder of its socket; only its account and the gateway enter it. */
    run: (id: string) => join(root, 'run', short(id)),
    socket: (id: string) => join(root, 'run', short(id), 'http.sock'),
    /** The socket of its way out: in a folder of the gateway, because what listens there is not the service's. */
    out: (id: string) => join(root, 'out', `${short(id)}.sock`),
  };
}

/** Where programs of the machine are, inside the sandbox as outside. */
export const programsAt = ['/usr/local/bin', '/usr/bin', '/bin'];

/** The first program in every sandbox of a service or an installation. */
export const enterProgram = join(import.meta.dirname, '../../process/enter.mjs');

/** The program that is a terminal, inside a sandbox, and what it needs to be one. */
export const terminalProgram = join(import.meta.dirname, '../../process/terminal.mjs');
export const terminalSettings = join(import.meta.dirname, '../../process/terminal.bashrc');
export const terminalLibrary = createRequire(import.meta.url).resolve('@lydell/node-pty/package.json');

/** The same as the program sees it. */
export const inside = {
  home: '/home/service',
  run: '/run/knot',
  socket: '/run/knot/http.sock',
  out: '/run/out.sock',
  template: '/opt/template',
  offer: '/run/offer',
  services: '/run/services',
  files: '/files',
} as const;

/** The same for a program without a sandbox. */
export const outside = (layout: Layout, id: string) => ({
  home: layout.home(id),
  socket: layout.socket(id),
  offer: layout.offer(id),
});
