import { request as httpsRequest } from 'node:https';
import { caOf, type GatewayOptions, type RunningGateway } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import type { Answer, Person } from '../support/process/person.ts';

export type GuestHouse = Awaited<ReturnType<typeof openGuestHouse>>;

/** A running gateway; `ann` administers it, `bob` shares what he has, and whoever is `newGuest` has no account. */
export async function openGuestHouse(t: { teardown(end: () => unknown): void }, options: GatewayOptions = {}) {
  const { gateway, ann, person, stranger: newGuest } = await openPeople(t, { ...options, others: ['bob'] });
  const bob = await person('bob');

  const own = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
  const put = async (path: string, body: string): Promise<Answer> => {
    const answer = await bob.request('PUT', `/api/v1/files/private/${path}`, { headers: own, body });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer;
  };
  const makeFolder = (path: string) => bob.api('POST', `/files/private/${path}?op=mkdir`, {});
  const secrets: string[] = [];
  /** A link of bob's, and the id of its share. */
  async function link(path: string, more: object = {}): Promise<{ url: string; id: string; page: string }> {
    const body = { area: 'private', path, with: 'guest', right: 'view', days: 7, ...more };
    const made = await bob.api('POST', '/shares', body);
    if (made.status !== 201) throw new Error(made.text);
    const { url, share } = made.json<{ url: string; share: { id: string } }>();
    secrets.push(url.slice(-43));
    return { url, id: share.id, page: `/guest/${share.id}/` };
  }
  const names = async (path: string): Promise<string[]> =>
    (await bob.api('GET', `/files/private/${path}`))
      .json<{ entries: { name: string }[] }>()
      .entries.map(({ name }) => name);

  return { gateway, ann, bob, newGuest, put, makeFolder, link, names, own, secrets };
}

export const boundary = 'x-0123456789-x';

/** The body of a form with files, as a browser writes it. */
export const formOf = (files: Record<string, string>): string =>
  [
    ...Object.entries(files).map(
      ([name, text]) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n${text}\r\n`,
    ),
    `--${boundary}--\r\n`,
  ].join('');

export const asForm = (gateway: RunningGateway, more: Record<string, string> = {}) => ({
  origin: gateway.origin,
  'sec-fetch-site': 'same-origin',
  accept: 'application/json',
  'content-type': `multipart/form-data; boundary=${boundary}`,
  ...more,
});

/** A request that stays open: `send` writes to it, `ended` resolves with what came when the other side ended it. */
export function openRequest(
  gateway: RunningGateway,
  person: Person,
  path: string,
  headers: Record<string, string>,
  method = 'POST',
) {
  const url = new URL(path, gateway.origin);
  const cookie = [...person.cookiesFor(url.href)].map(([name, value]) => `${name}=${value}`).join('; ');
  const line = httpsRequest({
    host: '127.0.0.1',
    servername: url.hostname,
    port: url.port,
    path: url.pathname + url.search,
    method,
    ca: caOf(gateway),
    headers: { host: url.host, cookie, ...headers },
    agent: false,
  });
  const { promise: ended, resolve } = Promise.withResolvers<{
    status: number | undefined;
    bytes: number;
    isWhole: boolean;
  }>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  let status: number | undefined;
  let bytes = 0;
  line.on('response', (answer) => {
    status = answer.statusCode;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      begin();
      if (bytes > 100_000) answer.pause();
    });
    answer.on('close', () => resolve({ status, bytes, isWhole: answer.complete }));
    answer.on('error', () => undefined);
  });
  line.on('error', () => resolve({ status, bytes, isWhole: false }));
  return { send: (text: string) => line.write(text), end: () => line.end(), cut: () => line.destroy(), ended, begun };
}
