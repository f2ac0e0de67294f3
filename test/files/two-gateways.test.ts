import { createServer, request } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openFiles } from '../../gateway/files/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import type { Store } from '../../gateway/store/index.ts';
import { onBothStores } from '../support/house/stores.ts';

/** Two gateways that share a disk and a store, and one upload that both are asked to go on with. */

const area = { kind: 'shared' } as const;
const uploader = {
  userId: 'ann',
  placeFor: async () => ({ area, mayReplace: true, maySeeUsage: true }),
  checkPlace: async () => undefined,
  note: async () => undefined,
};

async function openGateway(t: Test, folder: string, store: Store) {
  const files = openFiles({
    settings: { folder, uploadMaxBytes: 1 << 30, trashDays: 30 },
    store,
    allowanceOf: async () => ({ whose: 'these files' }),
    clock: systemClock,
    log: silentLog,
  });
  const server = createServer((incoming, response) => void files.uploads.handle(incoming, response, uploader));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await files.close();
  });
  const { port } = server.address() as AddressInfo;
  type Sent = { headers?: Record<string, string>; body?: Buffer; onPart?: () => void };

  /** One request; with `onPart`, half of the body is sent and no more, and then this is called. */
  return (method: string, path: string, { headers = {}, body, onPart }: Sent = {}) =>
    new Promise<{ status: number; headers: Record<string, string | string[] | undefined> }>((resolve) => {
      const length = body && { 'content-length': String(body.length) };
      const sent = request({
        port,
        method,
        path,
        agent: false,
        headers: { 'tus-resumable': '1.0.0', ...length, ...headers },
      });
      sent.on('response', (response) => {
        response.resume();
        resolve({ status: response.statusCode!, headers: response.headers });
      });
      sent.on('error', () => resolve({ status: 0, headers: {} }));
      if (body && onPart) sent.write(body.subarray(0, body.length / 2), onPart);
      else sent.end(body);
    });
}

const piece = (offset: number, body: Buffer) => ({
  headers: { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) },
  body,
});

void onBothStores(t, async (t, open) => {
  const { store, openAgain } = await open(t);
  const folder = mkdtempSync(join(tmpdir(), 'knot-two-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [here, there] = [await openGateway(t, folder, store), await openGateway(t, folder, await openAgain())];
  const begin = async (path: string, size: number): Promise<string> => {
    const metadata = `area ${btoa('shared')},path ${btoa(path)}`;
    const made = await here('POST', '/api/v1/uploads', {
      headers: { 'upload-length': String(size), 'upload-metadata': metadata },
    });
    t.equal(made.status, 201);
    return made.headers['location'] as string;
  };
  const written = (path: string) => readFileSync(join(folder, 'shared', path));

  await t.test('the same offset at once: one writes, the other is told', async (t) => {
    const url = await begin('at-once', 1 << 20);
    const [own, other] = [Buffer.alloc(1 << 20, 'a'), Buffer.alloc(1 << 20, 'b')];
    const answers = await Promise.all([here('PATCH', url, piece(0, own)), there('PATCH', url, piece(0, other))]);
    const statuses = answers.map(({ status }) => status);
    t.equal(statuses.filter((status) => status === 204).length, 1, statuses.join(' and '));
    t.ok(statuses.every((status) => [204, 409, 423].includes(status)));
    t.ok(written('at-once').equals(statuses[0] === 204 ? own : other), 'not a byte of the other one');
  });

  await t.test('one is in the middle of it when the other begins', async (t) => {
    const url = await begin('in-the-middle', 1 << 20);
    const bytes = Buffer.from(Buffer.alloc(1 << 20).map((_, index) => index % 251));
    let first: ReturnType<typeof here> | undefined;
    await new Promise<void>((resolve) => {
      first = here('PATCH', url, { ...piece(0, bytes), onPart: resolve });
    });
    const second = await there('PATCH', url, piece(0, Buffer.alloc(1 << 20, 'x')));
    t.ok([409, 423].includes(second.status), `the newcomer: ${second.status}`);
    const { headers } = await first!;
    const head = await there('HEAD', url);
    const offset = Number(head.headers['upload-offset']);
    t.ok(offset > 0 && offset <= 1 << 19);
    t.equal(Number(headers['upload-offset']), offset, 'the one before is told how much of its piece was taken');
    t.equal((await here('PATCH', url, piece(offset, bytes.subarray(offset)))).status, 204);
    t.ok(written('in-the-middle').equals(bytes));
  });
});
