import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningGateway } from './gateway.ts';
import { type Answer, createPerson, type Person } from './person.ts';

/** What people and programs ask of a gateway, again and again, with what each may answer besides 503. */
export type ChaosLoad = {
  /** Answers that are not right: kind of request, status, and what was said. */
  wrong: string[];
  /** Names of teams whose making was acknowledged. */
  acknowledged: string[];
  /** Answers by kind and status. */
  counts(): Record<string, number>;
  /** The longest that anybody waited for an answer since the last call, in milliseconds. */
  longestWait(): number;
  /** Resolves when every kind of request was answered as on a good day, once more. */
  allWell(withinMs: number): Promise<void>;
  stop(): Promise<void>;
};

type Kind = { name: string; good: readonly number[]; ask(): Promise<Answer> };

export type ChaosPeople = { admin: Person; username: string; password: string; clientId: string; clientSecret: string };

/** Starts the load on a gateway. `people.admin` is signed in. Each kind of request goes on at its own pace, one at a time. */
export function startChaosLoad(gateway: RunningGateway, people: ChaosPeople): ChaosLoad {
  const { admin, username, password, clientId, clientSecret } = people;
  const stranger = createPerson(gateway);
  const wrong: string[] = [];
  const acknowledged: string[] = [];
  const counts = new Map<string, number>();
  const goodSince = new Map<string, number>();
  let longest = 0;
  let isOver = false;

  const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  /** A cookie that no cache knows, so that the store must be asked. */
  const unknownCookie = () => ({ cookie: `__Host-knot=${randomUUID().replaceAll('-', '')}${'A'.repeat(11)}` });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const app = `https://echo.localhost:${gateway.port}/`;
  const kinds: Kind[] = [
    { name: 'forwarded', good: [200], ask: () => admin.request('GET', app) },
    {
      name: 'forwarded to a stranger',
      good: [401],
      ask: () => stranger.request('GET', app, { headers: unknownCookie() }),
    },
    {
      name: 'hand-off of a stranger',
      good: [303, 400],
      ask: () => stranger.request('GET', `${app}.knot/callback?code=${randomUUID()}`, { headers: navigation }),
    },
    {
      name: 'write',
      good: [201],
      async ask() {
        const name = `t${randomUUID().replaceAll('-', '').slice(0, 20)}`;
        const answer = await admin.api('POST', '/teams', { name, title: name });
        if (answer.status === 201) acknowledged.push(name);
        return answer;
      },
    },
    { name: 'read', good: [200], ask: () => admin.api('GET', '/users') },
    { name: 'audit', good: [200], ask: () => admin.api('GET', '/audit') },
    {
      name: 'page',
      good: [200],
      ask: () => stranger.request('GET', '/login', { headers: { ...navigation, ...unknownCookie() } }),
    },
    {
      name: 'sign-in',
      good: [303],
      ask: () =>
        stranger.request('POST', '/login', {
          headers: { ...navigation, ...form, origin: gateway.origin, 'sec-fetch-site': 'same-origin' },
          body: new URLSearchParams({ username, password }).toString(),
        }),
    },
    {
      name: 'token',
      good: [400],
      ask: () =>
        stranger.request('POST', '/oidc/token', {
          headers: {
            ...form,
            authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
          },
          body: new URLSearchParams({
            grant_type: 'authorization_code',
            code: randomUUID(),
            redirect_uri: 'https://client.example/callback',
          }).toString(),
        }),
    },
    {
      name: 'userinfo',
      good: [401],
      ask: () => stranger.request('GET', '/oidc/me', { headers: { authorization: `Bearer ${randomUUID()}` } }),
    },
    {
      name: 'authorization',
      good: [303],
      ask: () =>
        stranger.request(
          'GET',
          `/oidc/auth?${new URLSearchParams({
            client_id: clientId,
            response_type: 'code',
            scope: 'openid',
            state: 's',
            redirect_uri: 'https://client.example/callback',
          }).toString()}`,
          { headers: navigation },
        ),
    },
  ];

  async function repeat(kind: Kind): Promise<void> {
    while (!isOver) {
      const startedAt = performance.now();
      const verdict = await kind.ask().then(
        (answer) => judge(kind, answer),
        (error: unknown) => {
          wrong.push(`${kind.name}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
          return 'error';
        },
      );
      longest = Math.max(longest, performance.now() - startedAt);
      const key = `${kind.name} ${verdict}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      await delay(60);
    }
  }

  function judge({ name, good }: Kind, { status, headers, text }: Answer): string {
    const location = String(headers['location'] ?? '');
    if (location.includes('error=')) {
      // A redirect cannot be a 503 (RFC 6749 section 4.1.2.1).
      if (!location.includes('error=temporarily_unavailable')) wrong.push(`${name}: ${status} to ${location}`);
      return 'told by redirect';
    }
    if (good.includes(status)) goodSince.set(name, performance.now());
    else if (status !== 503) wrong.push(`${name}: ${status} ${words(text)}`);
    else if (!/^\d+$/.test(String(headers['retry-after'])))
      wrong.push(`${name}: 503 without Retry-After ${words(text)}`);
    return String(status);
  }

  const work = kinds.map((kind) => repeat(kind));
  return {
    wrong,
    acknowledged,
    counts: () => Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b))),
    longestWait() {
      const longestSoFar = longest;
      longest = 0;
      return longestSoFar;
    },
    async allWell(withinMs) {
      const from = performance.now();
      for (;;) {
        const missing = kinds.filter(({ name }) => (goodSince.get(name) ?? 0) <= from);
        if (missing.length === 0) return;
        if (performance.now() - from > withinMs) {
          const names = missing.map(({ name }) => name).join(', ');
          throw new Error(`after ${withinMs} ms not well: ${names}; ${[...new Set(wrong)].join('\n')}`);
        }
        await delay(50);
      }
    },
    async stop() {
      if (isOver) return;
      isOver = true;
      await Promise.all(work);
      await stranger.close();
    },
  };
}

/** What an answer says, without the head of a page. */
function words(text: string): string {
  return text
    .replace(/^[\s\S]*<\/head>/, '')
    .replace(/<[^>]*>|\s+/g, ' ')
    .replace(/[0-9a-f]{8,}[\w-]*/g, '…')
    .slice(0, 300);
}
