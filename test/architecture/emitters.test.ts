import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/**
 * An `error` event that nobody hears ends the process, and everybody's connections with it. So whoever makes an emitter listens
 * to it with `.on('error'` (not `once`: the next one would be unheard), in the same file, where a reader can see it.
 */

/** What makes an emitter, by the module it comes from. */
const makers: Record<string, RegExp> = {
  'node:net': /^(connect|createConnection|createServer|Socket|Server)$/,
  'node:tls': /^(connect|createServer|TLSSocket|Server)$/,
  'node:http': /^(createServer|get|request|Server)$/,
  'node:https': /^(createServer|get|request|Server)$/,
  'node:http2': /^(connect|createServer|createSecureServer)$/,
  'node:dgram': /^createSocket$/,
  'node:child_process': /^(spawn|fork|exec|execFile)$/,
  'node:worker_threads': /^(Worker|MessageChannel)$/,
  'node:cluster': /./,
  'node:fs': /^(watch|watchFile|createReadStream|createWriteStream)$/,
  'node:readline': /^createInterface$/,
  'node:zlib': /^create/,
  chokidar: /./,
  pg: /./,
  ws: /./,
  undici: /^(Agent|Client|Pool|Dispatcher|request|stream|WebSocket|fetch)$/,
  nodemailer: /./,
};

/** Where somebody else listens, with who and why. */
const heardElsewhere: Record<string, string> = {
  'gateway/proxy/edge.ts createSecureServer': 'listenOn, which every listener of app.ts goes through',
  'gateway/process/accounts.ts execFile': 'promisified: Node listens and rejects',
  'gateway/process/find-sandbox.ts execFile': 'promisified: Node listens and rejects',
  'gateway/services/process/lost-room.ts execFile': 'promisified: Node listens and rejects',
  'gateway/metrics/upstream.ts Agent': 'its requests are promises: undici listens and rejects',
  'gateway/metrics/upstream.ts request': 'a promise: undici listens and rejects',
  'gateway/kube/exec-plugin.ts execFile': 'promisified: Node listens and rejects',
  'gateway/cli/lint-chart.ts execFile': 'its callback: Node listens and calls it',
  'gateway/kube/connection.ts Agent': 'its requests are promises: undici listens and rejects',
  'gateway/kube/connection.ts request': 'a promise: undici listens and rejects',
  'gateway/bin/image/archive.ts createWriteStream': 'pipeline listens and rejects',
  'gateway/bin/image/archive.ts createGzip': 'pipeline listens and rejects',
  'gateway/bin/image/tar.ts createReadStream': 'its iterator listens and rejects',
  'gateway/integrations/connection.ts undici': 'its requests are promises: undici listens and rejects',
  'gateway/oidc/outbound.ts undici': 'its requests are promises: undici listens and rejects',
  'gateway/api/files/content.ts createReadStream': 'Fastify listens to the stream that it sends',
  'gateway/cli/files/here.ts createReadStream': 'its iterator listens and rejects',
  'gateway/files/uploads/checksum.ts createReadStream': 'its iterator listens and rejects',
  'gateway/files/uploads/upload-store.ts createWriteStream': 'pipeline listens and rejects',
  'gateway/mail/service.ts nodemailer': 'sendMail is a promise: nodemailer listens to its sockets and rejects',
};

type Maker = { place: string; file: string };

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name));
}

function makersIn(file: string, text: string): Maker[] {
  const found: string[] = [];
  for (const [, names, from] of text.matchAll(/^import (?!type)(.*?) from '([^']+)';/gms)) {
    const pattern = makers[from!];
    if (!pattern) continue;
    for (const name of names!.replace(/[{}]/g, '').split(',')) {
      const word = name.trim().split(' as ')[0]!;
      if (word !== '' && !word.startsWith('type ') && pattern.test(word) && !/^(FSWatcher|WebSocket)$/.test(word)) {
        found.push(word);
      }
    }
  }
  for (const [, from] of text.matchAll(/await import\('([^']+)'\)/g)) if (makers[from!]) found.push(from!);
  return found.map((word) => ({ place: `${file} ${word}`, file }));
}

t.test('whoever makes an emitter hears its errors for as long as it lives', async (t) => {
  const root = join(import.meta.dirname, '..', '..');
  const all: Maker[] = [];
  const unheard: string[] = [];
  for (const path of sources(join(root, 'gateway'))) {
    const file = path.slice(root.length + 1);
    const text = readFileSync(path, 'utf8');
    const found = makersIn(file, text);
    all.push(...found);
    const isHeard = /\.on\('error'/.test(text);
    unheard.push(...found.filter(({ place }) => !isHeard && !(place in heardElsewhere)).map(({ place }) => place));
  }
  t.strictSame(unheard, [], 'listen with .on(…) where it is made');
  const places = new Set(all.map(({ place }) => place));
  t.ok(places.has('gateway/store/postgres.ts pg'), 'the search finds what is there');
  t.strictSame(
    Object.keys(heardElsewhere).filter((place) => !places.has(place)),
    [],
    'no exception outlives its reason',
  );
});

t.test('no listener of errors is taken off wholesale', async (t) => {
  const root = join(import.meta.dirname, '..', '..');
  const guilty = sources(join(root, 'gateway')).filter((path) =>
    /removeAllListeners\((|'error')\)/.test(readFileSync(path, 'utf8')),
  );
  t.strictSame(
    guilty.map((path) => path.slice(root.length + 1)),
    [],
  );
});
