import { Agent, request } from 'undici';
import { WebSocket } from 'ws';
import { caOf, type RunningGateway } from './gateway.ts';

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  url: string;
  json<T = Record<string, unknown>>(): T;
};

/** A person with a browser that has no screen: a cookie jar, redirects, and every `*.localhost` on loopback. */
export type Person = {
  request(method: string, url: string, options?: { headers?: Record<string, string>; body?: string }): Promise<Answer>;
  /** Follows redirects as a navigation. */
  visit(url: string): Promise<Answer>;
  /** Posts a form from a page of the same origin and follows the redirects. */
  submit(url: string, fields: Record<string, string>): Promise<Answer>;
  /** Fills in the first form of a page and sends it, hidden fields included. */
  fill(page: Answer, fields: Record<string, string>): Promise<Answer>;
  /** Calls the JSON API of the main host. */
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  signIn(username: string, password: string): Promise<Answer>;
  socket(url: string, options?: { headers?: Record<string, string>; protocols?: string[] }): WebSocket;
  cookies(host: string): Map<string, string>;
  /** Those a browser would send to the address. */
  cookiesFor(url: string): Map<string, string>;
  setCookies(host: string, cookies: Map<string, string>): void;
  close(): Promise<void>;
};

type Cookie = { name: string; value: string; path: string };

/** Every name leads to this machine, as a `lookup` of connections. */
export const toLoopback = (
  _host: string,
  options: { all?: boolean },
  callback: (error: null, address: unknown, family?: number) => void,
): void => (options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4));

export function createPerson(gateway: Pick<RunningGateway, 'origin' | 'caFile'>): Person {
  const ca = caOf(gateway);
  const agent = new Agent({
    connect: { ca, lookup: toLoopback as never },
    bodyTimeout: 120_000,
    headersTimeout: 120_000,
  });
  const jar = new Map<string, Cookie[]>();

  /** Longer paths first (RFC 6265 section 5.4). */
  const matching = (url: URL): Cookie[] =>
    (jar.get(url.hostname) ?? [])
      .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .sort((a, b) => b.path.length - a.path.length);
  const cookieHeader = (url: URL): string =>
    matching(url)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');

  function keep(url: URL, header: string | string[] | undefined): void {
    for (const line of header === undefined ? [] : [header].flat()) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const attribute = (key: string) =>
        attributes.find((text) => text.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
      const path = attribute('path') ?? '/';
      const rest = (jar.get(url.hostname) ?? []).filter((cookie) => cookie.name !== name || cookie.path !== path);
      const expires = attribute('expires');
      const isGone = attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now());
      jar.set(url.hostname, isGone ? rest : [...rest, { name, value, path }]);
    }
  }

  const person: Person = {
    async request(method, address, { headers = {}, body } = {}) {
      const url = new URL(address, gateway.origin);
      const cookie = cookieHeader(url);
      const answer = await request(url, {
        method: method as 'GET',
        dispatcher: agent,
        headers: { ...(cookie && { cookie }), ...headers },
        ...(body === undefined ? {} : { body }),
      });
      keep(url, answer.headers['set-cookie']);
      const text = await answer.body.text();
      return { status: answer.statusCode, headers: answer.headers, text, url: url.href, json: () => JSON.parse(text) };
    },
    visit: (url) => follow('GET', url),
    submit: (url, fields) => follow('POST', url, new URLSearchParams(fields).toString()),
    fill(page, fields) {
      const form = /<form[^>]*>[\s\S]*?<\/form>/.exec(page.text)?.[0];
      if (form === undefined)
        throw new Error(`there is no form on ${page.url} (${page.status}): ${page.text.slice(-800)}`);
      const attribute = (tag: string, name: string) =>
        unescapeHtml(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
      const hidden = [...form.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
        attribute(tag, 'name'),
        attribute(tag, 'value'),
      ]);
      const action = new URL(attribute(form.slice(0, form.indexOf('>') + 1), 'action') || page.url, page.url);
      return person.submit(action.href, { ...(Object.fromEntries(hidden) as Record<string, string>), ...fields });
    },
    api: (method, path, body) =>
      person.request(method, `/api/v1${path}`, {
        headers: {
          accept: 'application/json',
          ...(method === 'GET' ? {} : { origin: gateway.origin, 'sec-fetch-site': 'same-origin' }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    signIn: (username, password) => person.submit('/login', { username, password, next: '/' }),
    socket(address, { headers = {}, protocols = [] } = {}) {
      const url = new URL(address);
      return new WebSocket(address, protocols, {
        ca,
        lookup: toLoopback as never,
        headers: { cookie: cookieHeader(url), origin: `https://${url.host}`, ...headers },
      });
    },
    cookiesFor: (url) =>
      new Map(
        matching(new URL(url))
          .reverse()
          .map(({ name, value }) => [name, value]),
      ),
    cookies: (host) => new Map((jar.get(host) ?? []).map(({ name, value }) => [name, value])),
    setCookies: (host, cookies) =>
      void jar.set(
        host,
        [...cookies].map(([name, value]) => ({ name, value, path: '/' })),
      ),
    close: () => agent.close(),
  };

  async function follow(method: string, address: string, body?: string): Promise<Answer> {
    let url = new URL(address, gateway.origin);
    let answer = await person.request(method, url.href, {
      headers: {
        accept: 'text/html',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        ...(body === undefined
          ? {}
          : {
              origin: url.origin,
              'sec-fetch-site': 'same-origin',
              'content-type': 'application/x-www-form-urlencoded',
            }),
      },
      ...(body === undefined ? {} : { body }),
    });
    for (let hops = 0; [301, 302, 303, 307].includes(answer.status); hops++) {
      if (hops > 20) throw new Error(`too many redirects, last to ${url.href}`);
      url = new URL(String(answer.headers['location']), url);
      answer = await person.request('GET', url.href, {
        headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      });
    }
    return answer;
  }
  return person;
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
