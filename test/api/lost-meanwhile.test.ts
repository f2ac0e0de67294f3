import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Dispatcher, request } from 'undici';
import { createIdentify, createIdentifyToken } from '../../gateway/app/identify.ts';
import { eventually } from '../support/eventually.ts';
import { openHouse } from './house.ts';

/** A right that ends between the question who asks and the first byte: nobody can find what is not open yet, so it is asked once more. */

/** A house that listens, with a file too large for any buffer. `meanwhile` is done once, as soon as somebody is known. */
async function open(t: Test, more: Parameters<typeof openHouse>[1] = {}) {
  const then: { do?: (() => Promise<unknown>) | undefined } = {};
  const known = async <Known>(found: Known): Promise<Known> => {
    const next = then.do;
    delete then.do;
    if (found !== undefined) await next?.();
    return found;
  };
  const house: Awaited<ReturnType<typeof openHouse>> = await openHouse(t, {
    ...more,
    identify: async (cookie, host) => known(await createIdentify(house.sessions, house.accounts)(cookie, host)),
    identifyBearer: async (secret, address) =>
      known(await createIdentifyToken(house.tokens, house.accounts)(secret, address)),
  });
  await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as AddressInfo;
  const ann = await house.person('ann', { isAdmin: true });
  const root = join(house.folderOfFiles, 'private', ann.id);
  mkdirSync(root, { recursive: true });
  const file = join(root, 'large.bin');
  writeFileSync(file, '');
  const made = await house.tokens.create(
    { userId: ann.id, name: 'x', scopes: ['files:read'], days: 1 },
    { actor: 'x' },
  );
  return {
    ...{ ...house, ann, token: made.secret },
    sized: (bytes: number) => truncateSync(file, bytes),
    meanwhile: (act: () => Promise<unknown>) => void (then.do = act),
    ask: (path: string, headers: Record<string, string>): Promise<Dispatcher.ResponseData> =>
      request(`http://127.0.0.1:${port}${path}`, { headers: { host: 'localhost:8443', ...headers } }),
    signOut: () => house.sessions.end(ann.sessionId, { actor: 'ann', reason: 'signed_out' }),
    revoke: () => house.tokens.revoke(ann.id, made.token.id, { actor: 'ann' }),
  };
}

/** Whether all bytes came. */
async function arrivesWhole({ body, headers }: Dispatcher.ResponseData): Promise<boolean> {
  let bytes = 0;
  try {
    for await (const chunk of body) bytes += (chunk as Buffer).length;
  } catch {
    return false;
  }
  return headers['content-length'] === undefined || bytes === Number(headers['content-length']);
}

const mebibyte = 1024 * 1024;

t.test('a download, a zip and a stream of events end when the sign-in ended after it was found', async (t) => {
  for (const path of ['/api/v1/files/private/large.bin', '/api/v1/files/private?zip=store', '/api/v1/events']) {
    const house = await open(t);
    house.sized(256 * mebibyte);
    house.meanwhile(house.signOut);
    const answer = await house.ask(path, { cookie: house.ann.cookie }).catch(() => undefined);
    if (path.endsWith('events')) t.match(await answer?.body.text().catch(() => 'event: ended'), /event: ended/, path);
    else t.notOk(answer && (await arrivesWhole(answer)), path);
    await eventually('nothing is open', () => house.live.count() === 0);
  }
});

t.test('so do those of a program whose token was revoked, by WebDAV too', async (t) => {
  for (const path of ['/api/v1/files/private/large.bin', '/dav/private/large.bin']) {
    const house = await open(t);
    house.sized(256 * mebibyte);
    house.meanwhile(house.revoke);
    const authorization = `Bearer ${house.token}`;
    const answer = await house.ask(path, { authorization }).catch(() => undefined);
    t.notOk(answer && (await arrivesWhole(answer)), path);
    const again = await house.ask(path, { authorization });
    t.equal(again.statusCode, 401);
    await again.body.dump();
    await eventually('nothing is open', () => house.live.count() === 0);
  }
});

const service = { id: 's-1', name: 'site', owner: { kind: 'user', name: 'ann' } };
const record = { seq: 1, at: 0, action: 'x', actor: 'x', subject: 'x', outcome: 'done', hash: 'x'.repeat(64) };

t.test('a record of acts and the output of a service end with the right, however long a reader takes', async (t) => {
  for (const path of ['/api/v1/audit.csv', '/api/v1/services/s-1/logs.txt']) {
    const house = await open(t, {
      audit: { append: async () => undefined, list: async () => Array(500).fill(record) } as never,
      services: {
        terminals: { close: () => undefined },
        find: async () => service,
        output: async () => ({
          async *text() {
            for (;;) yield 'a line\n'.repeat(1_000);
          },
        }),
      } as never,
    });
    const answer = await house.ask(path, { cookie: house.ann.cookie });
    t.teardown(() => void answer.body.on('error', () => undefined).destroy());
    t.equal(answer.statusCode, 200);
    await eventually('it can be found', () => house.live.count() === 1);
    await house.signOut();
    t.equal(await arrivesWhole(answer), false, path);
    await eventually('nothing is open', () => house.live.count() === 0);
  }
});

t.test('while the digest of a large file is made its reader can be found, and gets nothing then', async (t) => {
  for (const path of ['/api/v1/files/private/large.bin', '/dav/private/large.bin']) {
    const house = await open(t);
    house.sized(16 * 1024 * mebibyte);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    let isAnswered = false;
    const headers = { authorization: `Bearer ${house.token}`, 'want-repr-digest': 'sha-256=1' };
    const asked = house.ask(path, headers).then(
      ({ body }) => {
        isAnswered = true;
        body.on('error', () => undefined).destroy();
        return 'answered';
      },
      () => 'cut',
    );
    await eventually('it is found, or answered', () => house.live.count() === 1 || isAnswered);
    await house.revoke();
    t.equal(await asked, 'cut', path);
    await eventually('the file is closed', () => descriptors() <= before);
  }
});
