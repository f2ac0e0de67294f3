import { closeSync, createReadStream } from 'node:fs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { knotError } from '../../lib/index.ts';
import type { Entry } from '../../files/index.ts';

/** A browser draws or plays these and runs nothing of them. Everything else is kept, not shown: HTML, SVG and PDF can hold scripts. */
const shown: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  bmp: 'image/bmp',
  ico: 'image/x-icon',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  webm: 'video/webm',
  ogv: 'video/ogg',
  txt: 'text/plain; charset=utf-8',
  log: 'text/plain; charset=utf-8',
  csv: 'text/plain; charset=utf-8',
  tsv: 'text/plain; charset=utf-8',
  md: 'text/plain; charset=utf-8',
  json: 'text/plain; charset=utf-8',
  yaml: 'text/plain; charset=utf-8',
  yml: 'text/plain; charset=utf-8',
  py: 'text/plain; charset=utf-8',
  r: 'text/plain; charset=utf-8',
  sh: 'text/plain; charset=utf-8',
};
/** Drawn by an `img` element, where no script runs (SVG Integration, secure static mode); opened by their address they are kept. */
const kept: Record<string, string> = {
  svg: 'image/svg+xml',
  pdf: 'application/pdf',
  zip: 'application/zip',
  ipynb: 'application/x-ipynb+json',
};

/**
 * Headers for what people put there: it never gets the rights of our origin, whatever it is (Content Security Policy Level 3, sandbox:
 * a page without scripts and with an origin of its own).
 */
export function contentHeaders(name: string, isKept: boolean): Record<string, string> {
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(name)?.[1]?.toLowerCase() ?? '';
  const inline = isKept ? undefined : shown[ending];
  return {
    'content-type': inline ?? shown[ending] ?? kept[ending] ?? 'application/octet-stream',
    'content-disposition': `${inline === undefined ? 'attachment' : 'inline'}; ${filename(name)}`,
    'content-security-policy':
      "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
  };
}

/** RFC 6266 section 4.3: a plain name for old clients, the whole one for the others. */
export function filename(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%/]/g, '_');
  const whole = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
  return `filename="${plain}"; filename*=UTF-8''${whole}`;
}

/** A range that was asked for, in bytes from and up to and including; `undefined` for the whole, `null` for one that is not there. */
export function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined | null {
  // Several ranges at once may be answered with the whole (RFC 9110 section 14.2).
  // Of an empty file there is no part; the whole is what was meant (the same section: a server may ignore a range).
  const [, from, to] = (size > 0 && /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')) || [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length === 0 ? null : { start: size - length, end: size - 1 };
  }
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < Number(from)) return undefined;
  return Number(from) >= size ? null : { start: Number(from), end };
}

/** The tags in If-Match or If-None-Match; undefined when the header is absent. */
export function tagsIn(header: string | undefined): string[] | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return ['*'];
  return [...header.matchAll(/(?:W\/)?("[^"]*")/g)].map((match) => match[1]!);
}

function isUnchanged({ headers }: FastifyRequest, { etag, modifiedAt }: Entry): boolean {
  const tags = tagsIn(headers['if-none-match']);
  // RFC 9110 section 13.2.2: the date counts only when no tag is given.
  if (tags !== undefined) return tags.includes('*') || tags.includes(etag);
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(modifiedAt / 1000) * 1000 <= since;
}

/**
 * Answers the bytes of an open file, whole or in part; the descriptor is closed whatever happens. Preconditions before ranges, as RFC
 * 9110 section 13.2.2 orders them. `onStream` is called when bytes begin to flow.
 */
export function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: { entry: Entry; descriptor: number; isKept: boolean },
  onStream: () => void,
): FastifyReply {
  const { entry, descriptor, isKept } = file;
  const { etag, size, modifiedAt, name } = entry;
  const empty = (status: number) => {
    closeSync(descriptor);
    return reply.code(status).send();
  };
  reply.headers({
    ...contentHeaders(name, isKept),
    etag,
    'last-modified': new Date(modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  });
  const wanted = tagsIn(request.headers['if-match']);
  if (wanted !== undefined && !wanted.includes('*') && !wanted.includes(etag)) {
    closeSync(descriptor);
    throw knotError('KNOT_FILES_CHANGED', 412, 'Somebody has changed the file meanwhile.', {
      remedy: 'Look at the present version.',
      details: { etag },
    });
  }
  if (isUnchanged(request, entry)) return empty(304);
  const ifRange = request.headers['if-range'];
  const isSame = ifRange === undefined || ifRange === etag || ifRange === new Date(modifiedAt).toUTCString();
  const range = isSame ? rangeOf(request.headers.range, size) : undefined;
  if (range === null) {
    closeSync(descriptor);
    throw knotError(
      'KNOT_API_RANGE',
      416,
      `The file has ${size} bytes; the range that was asked for is not among them.`,
      {
        headers: { 'content-range': `bytes */${size}` },
      },
    );
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`);
  reply.header('content-length', String(end - start + 1));
  if (request.method === 'HEAD' || size === 0) {
    closeSync(descriptor);
    return reply.send('');
  }
  // Large pieces: of 256 KiB a gigabyte goes at half the speed (gateway/files/BENCHMARKS.md).
  const stream = createReadStream('', { fd: descriptor, start, end, highWaterMark: 1024 * 1024 });
  onStream();
  return reply.send(stream);
}
