import { Agent, fetch } from 'undici';

export type Page = { status: number; url: string; headers: Headers; text: string; location: string | undefined };

type Cookie = { name: string; value: string; path: string };

/** A browser in miniature: one origin's cookies with their paths, redirects followed by hand. */
export function createBrowser(ca: string) {
  const dispatcher = new Agent({ connect: { ca } });
  let jar: Cookie[] = [];

  function header(url: URL): string {
    const matching = jar.filter(
      ({ path }) => path === '/' || url.pathname === path || url.pathname.startsWith(`${path}/`),
    );
    return matching.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  function keep(setCookies: string[]): void {
    for (const line of setCookies) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair!.indexOf('=');
      const name = pair!.slice(0, at);
      const value = pair!.slice(at + 1);
      const attribute = (key: string) =>
        attributes.find((text) => text.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
      const path = attribute('path') ?? '/';
      jar = jar.filter((cookie) => cookie.name !== name || cookie.path !== path);
      const expires = attribute('expires');
      if (value !== '' && !(expires && Date.parse(expires) < Date.now())) jar.push({ name, value, path });
    }
  }

  async function request(
    address: string | URL,
    init: { form?: Record<string, string>; headers?: Record<string, string> } = {},
  ): Promise<Page> {
    const url = new URL(address);
    const answer = await fetch(url, {
      dispatcher,
      redirect: 'manual',
      method: init.form ? 'POST' : 'GET',
      headers: {
        accept: 'text/html',
        cookie: header(url),
        ...(init.form ? { origin: url.origin } : {}),
        ...init.headers,
      },
      ...(init.form ? { body: new URLSearchParams(init.form).toString() } : {}),
      ...(init.form
        ? {
            headers: {
              accept: 'text/html',
              cookie: header(url),
              origin: url.origin,
              'content-type': 'application/x-www-form-urlencoded',
              ...init.headers,
            },
          }
        : {}),
    });
    keep(answer.headers.getSetCookie());
    const location = answer.headers.get('location');
    return {
      status: answer.status,
      url: url.href,
      headers: answer.headers as unknown as Headers,
      text: await answer.text(),
      location: location === null ? undefined : new URL(location, url).href,
    };
  }

  return {
    request,
    setCookie: (line: string) => keep([line]),
    cookies: () => jar.map((cookie) => ({ ...cookie })),
    forget: () => void (jar = []),
    /** Follows redirects until a page, or an address for which `stop` is true (not requested). */
    async go(address: string | URL, stop: (url: string) => boolean = () => false): Promise<Page> {
      let page = await request(address);
      for (let hops = 0; page.location !== undefined; hops++) {
        if (stop(page.location)) return page;
        if (hops === 15) throw new Error(`redirect loop at ${page.location}`);
        page = await request(page.location);
      }
      return page;
    },
    close: () => dispatcher.close(),
  };
}

export type Browser = ReturnType<typeof createBrowser>;
