import { Transform } from 'node:stream';

/** The same bytes; `onBytes` hears of each piece as it goes through. A failure of `body` is one of what is returned. */
export function counted(body: NodeJS.ReadableStream, onBytes: (count: number) => void): Transform {
  const through = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      onBytes(chunk.length);
      next(null, chunk);
    },
  });
  body.on('error', (error: Error) => through.destroy(error));
  return body.pipe(through);
}
