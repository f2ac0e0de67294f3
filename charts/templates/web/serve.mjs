/**
 * Serves a folder over HTTP, on a Unix socket (--socket) or a port (--port): right types, ranges, conditional requests, listings. It sees what its sandbox shows
 * and reads nothing else; links that lead out of the folder are not followed.
 */
import { constants, createReadStream } from 'node:fs';
import { open, readdir, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    socket: { type: 'string' },
    port: { type: 'string' },
    folder: { type: 'string' },
    listing: { type: 'string', default: 'true' },
  },
});

const types = {
  '.html': 'text/html; charset=utf-8',
  '.htm': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.xml': 'application/xml',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.ico': 'image/x-icon',
  '.pdf': 'application/pdf',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.mp3': 'audio/mpeg',
};

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    const status =
      { ENOENT: 404, ENOTDIR: 404, ENAMETOOLONG: 404, ELOOP: 404, EACCES: 403, EPERM: 403 }[error.code] ?? 500;
    if (status === 500) console.error(error);
    if (response.headersSent) response.destroy();
    else
      say(
        response,
        status,
        { 403: 'This may not be read.', 404: 'There is nothing here.' }[status] ?? 'This cannot be read.',
      );
  });
});

async function answer(request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return say(response, 405, 'Pages are only read.');
  }
  let path;
  try {
    path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  } catch {
    return say(response, 400, 'This is no address.');
  }
  if (path.includes('\0')) return say(response, 400, 'This is no address.');
  const root = await realpath(values.folder);
  const found = await realpath(join(root, path));
  if (found !== root && !found.startsWith(root + sep)) return say(response, 404, 'There is nothing here.');
  const file = await open(found, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await file.stat();
    if (facts.isDirectory()) return await answerFolder(request, response, path, found);
    if (!facts.isFile()) return say(response, 404, 'There is nothing here.');
    return sendFile(request, response, found, facts);
  } finally {
    await file.close();
  }
}

async function answerFolder(request, response, path, folder) {
  if (!path.endsWith('/')) {
    const name = encodeURIComponent(path.split('/').at(-1));
    response.writeHead(308, { location: `./${name}/` });
    return response.end();
  }
  const names = await readdir(folder, { withFileTypes: true });
  if (names.some(({ name }) => name === 'index.html')) {
    const index = join(folder, 'index.html');
    const file = await open(index, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      return sendFile(request, response, index, await file.stat());
    } finally {
      await file.close();
    }
  }
  if (values.listing !== 'true') return say(response, 404, 'There is no index.html in this folder.');
  const rows = names
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => Number(b.isDirectory()) - Number(a.isDirectory()) || (a.name < b.name ? -1 : 1))
    .map((entry) => {
      const end = entry.isDirectory() ? '/' : '';
      return `<li><a href="./${encodeURIComponent(entry.name)}${end}">${escape(entry.name)}${end}</a></li>`;
    });
  const up = path === '/' ? '' : '<li><a href="../">..</a></li>';
  response.writeHead(200, { 'content-type': types['.html'], 'cache-control': 'no-cache' });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
      `<title>${escape(path)}</title><style>main { overflow-wrap: anywhere }</style>` +
      `<main><h1>${escape(path)}</h1><ul>${up}${rows.join('')}</ul></main></html>`,
  );
}

function sendFile(request, response, path, { size, mtimeMs, ino }) {
  const etag = `"${ino.toString(36)}-${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}"`;
  const headers = {
    'content-type': types[extname(path).toLowerCase()] ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'cache-control': 'no-cache',
    etag,
  };
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers);
    return response.end();
  }
  const range = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
  const part = range ? rangeOf(request.headers.range, size) : undefined;
  if (part === null) {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${size}` });
    return response.end();
  }
  const { start, end } = part ?? { start: 0, end: size - 1 };
  if (part) headers['content-range'] = `bytes ${start}-${end}/${size}`;
  response.writeHead(part ? 206 : 200, { ...headers, 'content-length': end - start + 1 });
  if (request.method === 'HEAD' || size === 0) return response.end();
  const stream = createReadStream(path, { start, end });
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

/** One range (RFC 9110 section 14.1.2); undefined to send everything, null for one that cannot be. */
function rangeOf(header, size) {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') return to === '0' || size === 0 ? null : { start: Math.max(0, size - Number(to)), end: size - 1 };
  const start = Number(from);
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start > end ? null : { start, end };
}

function say(response, status, text) {
  response.writeHead(status, { 'content-type': types['.txt'] });
  response.end(`${text}\n`);
}

function escape(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

try {
  await realpath(values.folder);
} catch (error) {
  console.error(`The folder ${values.folder} cannot be published: ${error.message}`);
  process.exit(1);
}
if (values.socket === undefined) {
  server.listen(Number(values.port));
} else {
  await rm(values.socket, { force: true });
  server.listen(values.socket);
}
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
