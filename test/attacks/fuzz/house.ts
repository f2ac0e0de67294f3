import { type ByteRecorder, type RecordedRequest, startByteRecorder } from '../../support/net/byte-recorder.ts';
import { createPerson } from '../../support/process/person.ts';
import type { RawTarget } from '../../support/net/raw-client.ts';
import { type House, openHouse, type Owner, password } from '../house.ts';
import { eventually } from '../../support/eventually.ts';

const large = 'x'.repeat(70_000);

type App = 'echo' | 'other';

export type FuzzHouse = {
  house: House;
  raw: RawTarget;
  cookies: Record<'ann' | 'bob' | 'nobody', Record<App, string>>;
  origins: Record<App, string>;
  fill(text: string): string;
  /** What the upstreams got in the case that runs. */
  received: { app: App; request: RecordedRequest }[];
  /** Everything that was forwarded, by token, until `checkLines` takes it. */
  forwarded: Map<string, { path: string; user: string; host: string }>;
  /** Each forwarded request has one access line, which names the path that was sent. */
  checkLines(): Promise<number>;
};

/** Two applications, two people, and upstreams that say in each answer whose request they answer, in changing framings. */
export async function openFuzzHouse(t: Owner): Promise<FuzzHouse> {
  const other = await startByteRecorder();
  t.teardown(() => other.close());
  const house = await openHouse(t, { apps: [{ name: 'other', upstream: `http://127.0.0.1:${other.port}` }] });
  const { gateway } = house;
  const bob = createPerson(gateway);
  t.teardown(() => bob.close());
  await bob.submit('/signup', { username: 'bob', email: 'bob@example.org', password });
  await bob.signIn('bob', password);
  const cookies = {
    ann: { echo: house.cookie, other: await house.cookieOf(house.ann, 'other.localhost') },
    bob: { echo: await house.cookieOf(bob), other: await house.cookieOf(bob, 'other.localhost') },
    nobody: { echo: '', other: '' },
  };
  const received: FuzzHouse['received'] = [];
  const forwarded: FuzzHouse['forwarded'] = new Map();
  house.recorder.answerWith(answerer('echo', received));
  other.answerWith(answerer('other', received));
  let checkedUpTo = gateway.output().length;
  /** One check further back: a request that arrived at the end of a round is only seen in the next one. */
  let checkedBefore = checkedUpTo;

  return {
    house,
    raw: house.raw,
    cookies,
    origins: { echo: house.origin, other: `https://other.localhost:${gateway.port}` },
    fill: (text) =>
      text.replaceAll('PORT', String(gateway.port)).replaceAll('COOKIE', cookies.ann.echo).replaceAll('LARGE', large),
    received,
    forwarded,
    async checkLines() {
      const output = () => gateway.output().slice(checkedBefore);
      const lines = new Map<string, { path: string; user: string; host: string; count: number }>();
      const read = (): boolean => {
        lines.clear();
        for (const text of output().split('\n')) {
          const path = /"path":"(\/k[0-9a-z]+)/.exec(text)?.[1];
          if (path === undefined || !text.includes('"msg":"access"')) continue;
          const line = JSON.parse(text) as { path: string; user: string; host: string; verdict: string };
          if (line.verdict !== 'allow') continue;
          lines.set(line.path, { ...line, count: (lines.get(line.path)?.count ?? 0) + 1 });
        }
        return [...forwarded].every(([token, { path }]) => !path.startsWith(`/${token}`) || lines.has(path));
      };
      await eventually('a line with the very path for each forwarded request', read).catch((error: unknown) => {
        const missing = [...forwarded].filter(([, { path }]) => !lines.has(path)).slice(0, 5);
        throw new Error(`no line for ${JSON.stringify(missing)}`, { cause: error });
      });
      for (const [token, { path, user, host }] of forwarded) {
        if (!path.startsWith(`/${token}`)) continue;
        const line = lines.get(path)!;
        if (line.user !== user || line.host !== host || line.count !== 1) {
          throw new Error(
            `${token}: judged as ${line.user} at ${line.host}, ${line.count} lines; sent as ${user} at ${host}`,
          );
        }
      }
      const { size } = forwarded;
      forwarded.clear();
      checkedBefore = checkedUpTo;
      checkedUpTo = gateway.output().length;
      return size;
    },
  };
}

function answerer(app: App, received: FuzzHouse['received']): Parameters<ByteRecorder['answerWith']>[0] {
  let count = 0;
  return (request, socket) => {
    received.push({ app, request });
    count += 1;
    const body = `T:${request.headers.get('x-token')?.[0] ?? ''}|U:${request.headers.get('x-knot-user')?.[0] ?? ''}|`;
    const isHead = request.method === 'HEAD';
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    const answer =
      count % 3 === 0
        ? `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${isHead ? '' : `${chunk(body.slice(0, 4))}${chunk(body.slice(4))}0\r\n\r\n`}`
        : `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${isHead ? '' : body}`;
    if (count % 5 !== 0) return answer;
    setTimeout(() => void socket.write(answer), count % 4);
    return undefined;
  };
}
