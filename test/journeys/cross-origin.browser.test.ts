import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { browserSkipReason, launchBrowser } from '../support/dashboard/browser.ts';
import { startGateway } from '../support/process/gateway.ts';
import { shows } from '../support/dashboard/shows.ts';

/** What browsers make of origins: a single-page application on one host with its API on another, and a page that tells nobody its address. */

async function serve(t: Tap, handler: Parameters<typeof createServer>[1]): Promise<{ port: number }> {
  const server: Server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}
type Tap = { teardown(end: () => unknown): void };

t.test('in Chromium', { skip: browserSkipReason() }, async (t) => {
  const spare = createServer().listen(0, '127.0.0.1');
  await once(spare, 'listening');
  const { port } = spare.address() as AddressInfo;
  await new Promise((resolve) => spare.close(resolve));
  const origin = `https://spa.knot.test:${port}`;

  const page = await serve(t, (request, response) => {
    response.setHeader('content-type', 'text/html');
    response.setHeader('referrer-policy', 'no-referrer');
    if (request.method === 'POST') return void response.end(`posted with origin ${request.headers.origin}`);
    response.end('<!doctype html><title>app</title><form method="post" action="/posted"><button>Send</button></form>');
  });
  /** Answers preflights and opens itself to the one origin, as applications with an API do. */
  const api = await serve(t, (request, response) => {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('access-control-allow-methods', 'PUT');
    response.setHeader('access-control-allow-headers', 'content-type');
    response.setHeader('vary', 'Origin');
    response.setHeader('content-type', 'application/json');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    response.end(JSON.stringify({ method: request.method, user: request.headers['x-knot-user'] ?? null }));
  });
  const gateway = await startGateway({
    config: {
      // Below `localhost` every name is a site of its own, and then no cookie comes along (HTML, "obtain a site").
      domain: 'knot.test',
      listen: `127.0.0.1:${port}`,
      integrations: { jupyterhub: { mode: 'off' } },
      apps: [
        { name: 'spa', upstream: `http://127.0.0.1:${page.port}` },
        { name: 'other', upstream: `http://127.0.0.1:${page.port}` },
        { name: 'api', upstream: `http://127.0.0.1:${api.port}`, crossOrigins: [origin] },
      ],
    },
  });
  const browser = await launchBrowser(['--host-resolver-rules=MAP *.knot.test 127.0.0.1, MAP knot.test 127.0.0.1']);
  t.teardown(async () => {
    await browser.close();
    await gateway.stop();
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const tab = await context.newPage();
  await tab.goto(gateway.setupLink!);
  await tab.fill('[name=username]', 'ann');
  await tab.fill('[name=email]', 'ann@example.org');
  await tab.fill('[name=password]', 'correct-horse-staple-7');
  await tab.click('button[type=submit]');
  await tab.waitForURL(`${gateway.origin}/**`);

  const ask = (method: string): Promise<unknown> =>
    tab.evaluate(
      `fetch('https://api.knot.test:${port}/items', { method: '${method}', credentials: 'include', ` +
        `headers: { 'content-type': 'application/json' }, ${method === 'GET' ? '' : "body: '{}'"} })` +
        ".then(async (answer) => ({ status: answer.status, body: await answer.json() }), () => 'kept from the page')",
    );

  await t.test('a signed-in single-page application asks its API on a sibling host', async (t) => {
    await tab.goto(`${origin}/`);
    t.match(
      await ask('PUT'),
      { status: 401, body: { code: 'KNOT_PROXY_UNAUTHENTICATED' } },
      'it learns what is missing',
    );
    await tab.goto(`https://api.knot.test:${port}/items`);
    await tab.goto(`${origin}/`);
    t.strictSame(await ask('PUT'), { status: 200, body: { method: 'PUT', user: 'ann' } });
    t.strictSame(await ask('GET'), { status: 200, body: { method: 'GET', user: 'ann' } });
  });

  await t.test('neighbour: the same page on a host that is not listed is kept out', async (t) => {
    await tab.goto(`https://other.knot.test:${port}/`);
    t.equal(await ask('PUT'), 'kept from the page');
    t.equal(await ask('GET'), 'kept from the page');
  });

  await t.test('a form of a page that keeps its address to itself reaches its own application', async (t) => {
    await tab.goto(`${origin}/`);
    await tab.click('button');
    await tab.waitForURL(`${origin}/posted`);
    await shows(t, () => tab.textContent('body'), /posted with origin null/);
  });
});
