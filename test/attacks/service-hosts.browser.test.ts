import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, launchBrowser } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openPeople } from '../support/process/people.ts';
import { becomes, launch } from '../support/process/services.ts';
import { servicesSkipReason } from '../support/process/services.ts';
import { programTemplate } from '../support/process/templates.ts';
import { shows } from '../support/dashboard/shows.ts';

/**
 * A service whose program is the attacker's, opened in somebody's browser: what its page does to the host of another service and to Knot's
 * own, all below one name. To a browser whose service it is makes no difference.
 */

const skip = servicesSkipReason() || browserSkipReason();
const forged = 'x'.repeat(43);

/** Shows what it is sent, sets cookies for others, and has a worker that answers everything in its own way. */
const trap = `import { createServer } from 'node:http';
const worker = \`
  self.addEventListener('install', () => self.skipWaiting());
  self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener('fetch', (event) => event.respondWith(new Response('owned', { headers: { 'content-type': 'text/html' } })));
\`;
createServer((request, response) => {
  response.setHeader('access-control-allow-origin', '*');
  if (request.url === '/worker.js') {
    response.writeHead(200, { 'content-type': 'text/javascript', 'service-worker-allowed': '/' });
    return response.end(worker);
  }
  response.setHeader('set-cookie', [
    'own=1; Path=/; Secure',
    'wide=1; Domain=knot.test; Path=/; Secure',
    '__Host-knot=${forged}; Path=/; Secure',
    '__Host-knot-visit=${forged}; Path=/; Secure',
  ]);
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>Here</title><h1>Here for ' + request.headers['x-knot-user'] + '</h1><p>' + request.headers.cookie + '</p>');
}).listen(process.argv[2]);
`;

/** What comes of a worker for an address: where it would reach, or the name of the refusal. */
const register = (page: Page, script: string, scope?: string): Promise<string> =>
  page.evaluate(
    `navigator.serviceWorker.register(${JSON.stringify(script)}, ${JSON.stringify({ scope })}).then(({ scope }) => scope, ({ name }) => name)`,
  );

t.test('the page of a service and the hosts beside it', { skip }, async (t) => {
  const { gateway, ann, atEnd } = await openPeople(t, {
    config: {
      // Below `localhost` every name is a site of its own (HTML, "obtain a site").
      domain: 'knot.test',
      services: {
        templates: [programTemplate(t, { name: 'trap', description: 'Means no good.', values: '{}\n', program: trap })],
      },
    },
  });
  const running = async (name: string) => becomes(ann, (await launch(ann, { template: 'trap', name })).id, 'ready');
  const [evil, other] = await Promise.all([running('evil'), running('other')]);
  const browser = await launchBrowser([
    '--ignore-certificate-errors',
    '--host-resolver-rules=MAP *.knot.test 127.0.0.1, MAP knot.test 127.0.0.1',
  ]);
  atEnd(() => browser.close());
  const context = await browser.newContext();
  const page = await context.newPage();
  await context.addCookies(
    [...ann.cookies('knot.test')].map(([name, value]) => ({ name, value, url: gateway.origin, secure: true })),
  );
  const cookiesOf = async (url: string) =>
    Object.fromEntries((await context.cookies(url)).map(({ name, value }) => [name, value]));
  const isAnn = async (t: Tap) => {
    await page.goto(other.url);
    await shows(t, () => page.getByRole('heading').innerText(), 'Here for ann');
    await page.goto(`${gateway.origin}/api/v1/me`);
    await shows(t, () => page.innerText('body'), /"username":"ann"/);
  };
  type Tap = Pick<typeof t, 'equal' | 'match'>;

  await t.test('a cookie of a sign-in is not seen, not set and not replaced', async (t) => {
    await page.goto(evil.url);
    const before = await cookiesOf(evil.url);
    await page.reload();
    await shows(t, () => page.innerText('p'), 'own=1', 'its own comes back to it, and no other');
    const now = await cookiesOf(evil.url);
    t.strictSame(now, { ...before, own: '1' }, 'its answers set none beyond itself and none of Knot’s');
    t.ok(
      Object.keys(now).some((name) => name.startsWith('__Host-knot')),
      'there is one that could be',
    );
    t.equal(await page.evaluate('document.cookie'), 'own=1');

    for (const name of ['__Host-knot', '__Host-knot-visit', '__Secure-knot', 'plain'])
      await page.evaluate(`document.cookie = '${name}=${forged}; Domain=knot.test; Path=/; Secure'`);
    const wide = (await context.cookies()).filter(({ domain }) => domain === '.knot.test').map(({ name }) => name);
    t.strictSame(wide.sort(), ['__Secure-knot', 'plain'], 'what no browser and no gateway can refuse');
    await isAnn(t);
  });

  await t.test('it does nothing in the name of whoever looks at it', async (t) => {
    await page.goto(evil.url);
    const ask = async (url: string): Promise<number> => {
      const answered = page.waitForResponse(url);
      const options = JSON.stringify({ method: 'POST', body: '{}', credentials: 'include', mode: 'no-cors' });
      await page.evaluate(`fetch('${url}', ${options}).then(() => undefined)`);
      return (await answered).status();
    };
    t.equal(await ask(evil.url), 200, 'to its own host it may ask');
    t.equal(await ask(other.url), 403);
    const stop = `${gateway.origin}/api/v1/services/${other.id}/stop`;
    const posted = page.waitForResponse(stop);
    await page.evaluate(
      `Object.assign(document.body.appendChild(document.createElement('form')), { method: 'post', action: '${stop}', enctype: 'text/plain' }).submit()`,
    );
    t.equal((await posted).status(), 403);
    await page.waitForURL(stop);
    await page.goto(evil.url);
    t.match((await ann.api('GET', `/services/${other.id}`)).json(), { state: 'ready', wish: 'running' });
    const read = `fetch('${gateway.origin}/api/v1/me', { credentials: 'include' }).then(() => 'read', () => 'refused')`;
    t.equal(await page.evaluate(read), 'refused');
  });

  await t.test('a service worker is one of its own host alone', async (t) => {
    await page.goto(evil.url);
    t.equal(await register(page, '/worker.js'), evil.url, 'there it is one');
    for (const target of [other.url, `${gateway.origin}/`]) {
      t.equal(await register(page, `${target}worker.js`), 'SecurityError', target);
      t.equal(await register(page, '/worker.js', target), 'SecurityError', target);
    }
    await eventually('it answers in the place of its host', async () => {
      await page.goto(evil.url);
      return (await page.innerText('body')) === 'owned';
    });
    await isAnn(t);
    for (const { url } of [other, { url: `${gateway.origin}/login` }]) {
      await page.goto(url);
      t.equal(await page.evaluate('navigator.serviceWorker.getRegistrations().then(({ length }) => length)'), 0, url);
    }
  });
});
