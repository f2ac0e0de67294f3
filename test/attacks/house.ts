import { readdirSync, readFileSync } from 'node:fs';

import { type ByteRecorder, startByteRecorder } from '../support/net/byte-recorder.ts';
import { caOf, type RunningGateway, startGateway } from '../support/process/gateway.ts';
import { createPerson, type Person } from '../support/process/person.ts';
import { type RawAnswer, type RawTarget, sendRaw } from '../support/net/raw-client.ts';
import { eventually } from '../support/eventually.ts';

/** One line of the access log. */
export type AccessLine = {
  method: string;
  host: string;
  path: string;
  status: number;
  user: string;
  route: string;
  verdict: string;
  reason: string;
  protocol: string;
  bytesIn: number;
  bytesOut: number;
};

/** What a house needs of a test: somewhere to leave its end. */
export type Owner = { teardown(end: () => unknown): void };

export type House = {
  gateway: RunningGateway;
  recorder: ByteRecorder;
  raw: RawTarget;
  /** Signed in as the first admin, `ann`. */
  ann: Person;
  /** `__Host-knot=…` of ann for `echo.localhost`. */
  cookie: string;
  /** `echo.localhost:PORT` and `https://echo.localhost:PORT`. */
  host: string;
  origin: string;
  /** `HOST`, `COOKIE` and `ORIGIN` in hand-written bytes become those of this house. */
  fill(bytes: string): string;
  send(bytes: string): Promise<RawAnswer>;
  /** The Cookie value of a person for a host, after one visit there. */
  cookieOf(person: Person, host?: string): Promise<string>;
  /** Access lines written since the last `forget`. */
  lines(): AccessLine[];
  /** Waits for a line that fits. */
  lineOf(fits: (line: AccessLine) => boolean, what?: string): Promise<AccessLine>;
  forget(): void;
  /** Whether a well-behaved stranger is served, and how fast, in milliseconds. */
  serveMs(): Promise<number>;
};

/** Below it nobody was kept waiting by an attack: long for a machine that is only busy, short for a process that works for the attacker. */
export const promptMs = 10_000;
export const password = 'correct-horse-staple-7';

/** A real gateway process, an upstream that records bytes at `echo.localhost`, and a signed-in person. */
export async function openHouse(t: Owner, config: Record<string, unknown> = {}): Promise<House> {
  const recorder = await startByteRecorder();
  const { apps = [], ...rest } = config as { apps?: object[] };
  const gateway = await startGateway({
    config: {
      integrations: { jupyterhub: { mode: 'off' } },
      signUp: 'open',
      apps: [{ name: 'echo', upstream: `http://127.0.0.1:${recorder.port}` }, ...apps],
      ...rest,
    },
  });
  const ann = createPerson(gateway);
  t.teardown(async () => {
    await ann.close();
    await gateway.stop();
    recorder.close();
  });
  const page = await ann.visit(gateway.setupLink!);
  await ann.fill(page, { username: 'ann', email: 'ann@example.org', password });

  const host = `echo.localhost:${gateway.port}`;
  const origin = `https://${host}`;
  const raw: RawTarget = { port: gateway.port, ca: caOf(gateway) };
  const cookieOf = async (person: Person, name = 'echo.localhost'): Promise<string> => {
    await person.visit(`https://${name}:${gateway.port}/`);
    return `__Host-knot=${person.cookies(name).get('__Host-knot')}`;
  };
  const cookie = await cookieOf(ann);
  const fill = (bytes: string): string =>
    bytes.replaceAll('HOST', host).replaceAll('COOKIE', cookie).replaceAll('ORIGIN', origin);
  let forgotten = 0;
  const lines = (): AccessLine[] => accessLines(gateway.output().slice(forgotten));
  await eventually('the first visit is logged', () =>
    lines().some(({ route, status }) => route === 'echo' && status === 200),
  );
  recorder.reset();

  return {
    gateway,
    recorder,
    raw,
    ann,
    cookie,
    host,
    origin,
    fill,
    cookieOf,
    send: (bytes) => sendRaw(raw, fill(bytes)),
    lines,
    async lineOf(fits, what = 'the access line') {
      await eventually(what, () => lines().some(fits));
      return lines().findLast(fits)!;
    },
    forget() {
      forgotten = gateway.output().length;
      recorder.reset();
    },
    async serveMs() {
      const startedAt = performance.now();
      const answer = await sendRaw(
        raw,
        `GET /alive HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
      );
      if (answer.status !== 200) throw new Error(`a plain request got ${answer.status}: ${answer.body.slice(0, 200)}`);
      return performance.now() - startedAt;
    },
  };
}

export function accessLines(output: string): AccessLine[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"msg":"access"'))
    .map((line) => JSON.parse(line) as AccessLine);
}

/** Resident memory of a process in MiB. */
export function residentMebibytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** One value of the metrics listener; 0 when it is not there yet. */
export async function metric(gateway: RunningGateway, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.ops}/metrics`, { headers: { connection: 'close' } })).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}
