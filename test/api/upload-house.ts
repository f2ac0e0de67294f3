import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openHouse, origin } from './house.ts';

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string };

/** A house that listens, ann's files (`root`), and the questions of somebody who uploads. */
export async function openUploads(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as AddressInfo;
  const ann = await house.person('ann');
  const root = join(house.folderOfFiles, 'private', ann.id);
  mkdirSync(root, { recursive: true });
  const waiting = join(house.folderOfFiles, '.knot/uploads');

  /** One request on a connection of its own; `cutAfter` sends so many bytes of the body and ends the connection, `isHeld` stops in the middle of it. */
  function send(
    method: string,
    path: string,
    {
      headers = {},
      body,
      cutAfter,
      isHeld = false,
      cookie = ann.cookie,
    }: { headers?: Record<string, string>; body?: Buffer; cutAfter?: number; isHeld?: boolean; cookie?: string } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request({
        port,
        method,
        path,
        agent: false,
        headers: {
          host: 'localhost:8443',
          origin,
          'sec-fetch-site': 'same-origin',
          'tus-resumable': '1.0.0',
          cookie,
          ...(body && { 'content-length': String(body.length) }),
          ...headers,
        },
      });
      sent.on('response', (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      });
      sent.on('error', reject);
      if (body && isHeld) {
        sent.write(body.subarray(0, 1000));
      } else if (body && cutAfter !== undefined) {
        sent.write(body.subarray(0, cutAfter), () => setTimeout(() => sent.destroy(), 50));
      } else sent.end(body);
    });
  }
  const meta = (fields: Record<string, string>) =>
    Object.entries(fields)
      .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
      .join(',');
  const begin = (size: number, fields: Record<string, string>, more: Parameters<typeof send>[2] = {}) =>
    send('POST', '/api/v1/uploads', {
      ...more,
      headers: {
        'upload-length': String(size),
        'upload-metadata': meta({ area: 'private', ...fields }),
        ...more.headers,
      },
    });
  const patch = (url: string, offset: number, body: Buffer, more: Parameters<typeof send>[2] = {}) =>
    send('PATCH', url, {
      body,
      ...more,
      headers: { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) },
    });
  const urlOf = ({ headers }: Answer) => headers['location'] as string;
  return { ...house, ann, root, waiting, send, begin, patch, urlOf };
}

export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
