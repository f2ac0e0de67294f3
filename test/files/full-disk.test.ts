import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { openFiles } from '../../gateway/files/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';
import { ann, at, path } from './scene.ts';

const mebibyte = 1 << 20;

t.test(
  'a disk that is full: nothing half done stays, what was promised is given back, an upload goes on later',
  { skip: smallDiskSkipReason() },
  async (t) => {
    const { folder } = openSmallDisk(t, '8m');
    const store = await openStore({ url: 'sqlite::memory:', clock: systemClock, log: silentLog });
    const files = openFiles({
      settings: { folder, uploadMaxBytes: 100 * mebibyte, trashDays: 30 },
      store,
      allowanceOf: async () => ({ whose: 'these files' }),
      clock: systemClock,
      log: silentLog,
    });
    const uploader = {
      userId: 'ann',
      placeFor: async () => ({ area: ann, mayReplace: true, maySeeUsage: true }),
      checkPlace: async () => undefined,
      note: async () => undefined,
    };
    const server = createServer((asked, answer) => void files.uploads.handle(asked, answer, uploader));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(async () => {
      server.closeAllConnections();
      server.close();
      await files.close();
      await store.close();
    });
    const { port } = server.address() as AddressInfo;
    const send = (method: string, to: string, headers: Record<string, string>, body?: Buffer) =>
      new Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
        const all = { 'tus-resumable': '1.0.0', 'content-length': String(body?.length ?? 0), ...headers };
        const sent = request({ port, method, path: to, agent: false, headers: all }, (answer) => {
          answer.resume();
          answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers }));
        });
        sent.on('error', reject);
        sent.end(body);
      });
    const begin = (name: string, size: number) =>
      send('POST', '/api/v1/uploads', {
        'upload-length': String(size),
        'upload-metadata': `area ${btoa('private')},path ${btoa(name)}`,
      });
    const root = files.pathOf(ann);
    const fill = () => {
      try {
        writeFileSync(join(root, 'fill'), Buffer.alloc(16 * mebibyte));
      } catch {
        // As full as it gets.
      }
    };
    writeFileSync(join(root, 'original'), Buffer.alloc(3 * mebibyte, 'o'));
    const bytes = Buffer.from(Buffer.alloc(3 * mebibyte, 'knot').map((byte, index) => byte ^ (index >> 8)));
    const made = await begin('large', bytes.length);
    t.equal(made.status, 201);
    const address = made.headers['location'] as string;
    fill();

    await t.rejects(files.copy(at('original'), at('copy'), {}), { code: 'KNOT_FILES_DISK_FULL', statusCode: 507 });
    t.notOk(existsSync(join(root, 'copy')), 'no part of a copy is there');
    const offset = async () => Number((await send('HEAD', address, {})).headers['upload-offset']);
    // Little at a time: what is answered before all was sent may be lost with the line.
    const patch = (from: number, to = bytes.length) =>
      send(
        'PATCH',
        address,
        { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(from) },
        bytes.subarray(from, to),
      );
    t.equal((await patch(0, 64 * 1024)).status, 507);
    const reached = await offset();
    t.ok(reached < bytes.length, `${reached} bytes of it are there`);
    const before = (await files.usage(ann)).reserved;
    t.equal((await begin('other', mebibyte)).status, 507, 'nothing is begun of which no record can be kept');
    t.equal((await files.usage(ann)).reserved, before, 'nor is room promised to it');
    const zipped = await buffer(files.zip(ann, path(''), [path('original')[0]!], 'store'));
    t.ok(zipped.length > 3 * mebibyte, 'a zip needs no room');

    rmSync(join(root, 'fill'));
    t.equal((await patch(await offset())).status, 204, 'with room again it goes on');
    t.ok(readFileSync(join(root, 'large')).equals(bytes));
    t.same(
      readdirSync(root)
        .filter((name) => name !== '.knot')
        .sort(),
      ['large', 'original'],
    );
    t.equal((await files.usage(ann)).reserved, 0);
  },
);
