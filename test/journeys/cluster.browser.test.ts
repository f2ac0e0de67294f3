import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { asGateway } from '../charts/as-gateway.ts';
import { asPerson, helmInside } from '../cluster/node/as-person.ts';
import { images } from '../cluster/node/images.ts';
import { type RunningNode, startNode } from '../cluster/node/start.ts';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { password } from '../support/process/people.ts';
import { shows } from '../support/dashboard/shows.ts';

/** The cluster edition as people see it: from a sign-up to a page that a pod serves, and what is said when something is in the way. */

const web = join(import.meta.dirname, '../../charts/templates/web');
const split = (image: string) => image.split(/:(?=[^:/]+$)/) as [repository: string, tag: string];

/** The template `web` as somebody's own, of an image that the node has; the newer version has a value more and sleeps when it is left alone. */
function writeTemplate(folder: string, version: '1.0.0' | '1.1.0'): void {
  const to = join(folder, 'page');
  cpSync(web, to, { recursive: true });
  const change = (file: string, act: (text: string) => string): void =>
    writeFileSync(join(to, file), act(readFileSync(join(to, file), 'utf8')));
  const [repository, tag] = split(images.node);
  change('Chart.yaml', (text) =>
    text
      .replace(/^name: .*/m, 'name: page')
      .replace(/^version: .*/m, `version: ${version}`)
      .replace(/knot\/title: .*/, 'knot/title: Page'),
  );
  change('values.yaml', (text) =>
    text.replace(/repository: .*/, `repository: ${repository}`).replace(/tag: .*/, `tag: '${tag}'`),
  );
  change('serve.mjs', (text) => `console.log('At your service.');\n${text}`);
  if (version === '1.0.0') return;
  change('values.yaml', (text) => `mood: good\n${text}`);
  change('values.schema.json', (text) =>
    text.replace('"properties": {', '"properties": { "mood": { "type": "string" },'),
  );
  change('process.yaml', (text) => `${text}\nrest: { idleSeconds: 2 }\n`);
}

/** A registry that has nothing. Resolves with its port. */
async function emptyRegistry(t: Test): Promise<number> {
  const server = createServer((request, response) => {
    const isThere = request.url === '/v2/';
    response.writeHead(isThere ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isThere ? '{}' : '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const fits = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth');

const withoutBrowser = browserSkipReason();
const node = withoutBrowser ? { skip: withoutBrowser } : await startNode(t, { withNodeImage: true });
if ('skip' in node) t.test('people of a cluster in the browser', { skip: node.skip }, async () => undefined);
else await t.test('people of a cluster in the browser', (t) => journey(t, node));

async function journey(t: Test, node: RunningNode): Promise<void> {
  const templates = mkdtempSync(join(tmpdir(), 'knot-templates-'));
  t.teardown(() => rmSync(templates, { recursive: true, force: true }));
  chmodSync(templates, 0o755);
  writeTemplate(templates, '1.0.0');
  const { kubeconfig } = await asGateway(node);
  const registry = await emptyRegistry(t);
  await node.outward({ host: '127.0.0.1', port: 5005 }, registry);
  const { gateway, open, stranger, person } = await openVisitors(t, {
    launch: asPerson(node, kubeconfig),
    config: {
      listen: `127.0.0.1:${await node.inward()}`,
      engine: 'kubernetes',
      signUp: 'approval',
      kubernetes: {
        kubeconfig: 'kubeconfig',
        helm: helmInside,
        admission: { listen: '127.0.0.1:9443', url: 'https://127.0.0.1:9443' },
      },
      services: { templates: [templates] },
      plans: [{ name: 'small', title: 'Small', defaultFor: ['people'], cpu: 2, memory: '1 GiB' }],
    },
  });
  const { page: ann } = await open('ann');
  const { page, complaints } = await stranger();
  const { page: phone } = await stranger({ width: 390 });
  const { page: small } = await stranger({ width: 390, theme: 'dark' });
  const check = page.getByRole('region', { name: 'Will it start?' });
  const waitForCheck = () => check.getByText('It would start.', { exact: true }).waitFor();
  const signUp = async (who: Page, username: string): Promise<void> => {
    await who.goto(`${gateway.origin}/signup`);
    await who.getByLabel('Username').fill(username);
    await who.getByLabel('E-mail').fill(`${username}@example.org`);
    await who.getByLabel('Password').fill(password);
    await who.getByRole('button', { name: 'Create account' }).click();
    await who
      .getByText(/administrator/)
      .first()
      .waitFor();
  };
  const signIn = async (who: Page, username: string): Promise<void> => {
    await who.goto(`${gateway.origin}/login`);
    await who.getByLabel('Username').fill(username);
    await who.getByLabel('Password').fill(password);
    await who.getByRole('button', { name: 'Sign in' }).click();
    await who.waitForURL(`${gateway.origin}/`);
  };
  const approve = async (username: string): Promise<void> => {
    await ann.getByRole('button', { name: `Approve ${username}` }).click();
    await ann.getByText(`${username} can sign in now.`).waitFor();
  };

  await t.test('who is let in sees their place step by step; an admin sees whose is how far', async (t) => {
    await signUp(phone, 'zoe');
    await signUp(page, 'joanna');
    await ann.goto(`${gateway.origin}/admin/users`);
    await approve('joanna');
    await signIn(page, 'joanna');
    await page.goto(`${gateway.origin}/account`);
    await page.getByText('The namespace knot-joanna is as it shall be.').waitFor();
    await shows(t, () => page.getByRole('list', { name: 'Steps' }).getByText(', done').count(), 8);
    t.same(await violationsOn(page), []);
    await ann.goto(`${gateway.origin}/admin/places`);
    const row = ann.getByRole('row', { name: /joanna/ });
    await row.getByText('Ready').waitFor();
    t.match(await row.textContent(), 'knot-joanna');
    t.same(await violationsOn(ann), []);
    await row.getByRole('link', { name: 'joanna' }).click();
    await ann.getByRole('button', { name: 'Look again' }).waitFor();
  });

  await t.test('an image that does not exist is told in plain words, with what to do', async (t) => {
    await page.goto(`${gateway.origin}/start`);
    await page.getByRole('link', { name: 'Page', exact: true }).click();
    await waitForCheck();
    await page.locator('summary', { hasText: /^More$/ }).click();
    await page.getByLabel('Repository', { exact: true }).fill('127.0.0.1:5005/none');
    await page.getByLabel('Name', { exact: true }).fill('broken');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL('**/services/*/overview');
    await page.getByText('There is no image 127.0.0.1:5005/none:1.').waitFor();
    await page.getByText('Correct the name or the tag of the image in its values', { exact: false }).waitFor();
    await shows(
      t,
      () => page.getByRole('link', { name: 'Change its values' }).getAttribute('href'),
      new URL(page.url()).pathname.replace('/overview', '/values'),
    );
    t.same(await violationsOn(page), []);
  });

  let address = '';
  await t.test(
    'a page is launched, seen to start and opened; what the plan has no room for is told before',
    async (t) => {
      const joanna = await person('joanna');
      const headers = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
      await joanna.api('POST', '/files/private/public?op=mkdir', {});
      const file = '/api/v1/files/private/public/index.html';
      t.equal((await joanna.request('PUT', file, { headers, body: '<h1>Of joanna</h1>' })).status, 201);
      await page.goto(`${gateway.origin}/start/page`);
      await page.getByLabel('Name', { exact: true }).fill('site');
      await page.getByText('https://site-joanna.localhost', { exact: false }).waitFor();
      await waitForCheck();
      t.same(await violationsOn(page), []);
      await page.getByRole('button', { name: 'Create' }).click();
      await page.waitForURL('**/services/*/overview');
      address = page.url();
      await page.getByText(/^site is ready, after \d+ s/).waitFor();
      await shows(t, () => page.getByRole('list', { name: 'Start of site' }).getByText(', done').count(), 5);
      t.same(await violationsOn(page), []);
      await small.context().addCookies(await page.context().cookies());
      await small.goto(address);
      const opener = small.getByRole('link', { name: 'Open site' }).first();
      await opener.waitFor();
      t.same(await violationsOn(small), []);
      t.ok(await fits(small), 'not wider than the phone');
      await small.goto((await opener.getAttribute('href'))!);
      await small.getByRole('heading', { name: 'Of joanna' }).waitFor();
      await small.goto(`${gateway.origin}/start/page`);
      const told = small.getByRole('region', { name: 'Will it start?' });
      await told.getByText('The plan has 1 GiB of memory for services', { exact: false }).waitFor();
      await told.getByText('Stop one that runs: site.').waitFor();
      t.same(await violationsOn(small), []);
      t.ok(await fits(small), 'not wider than the phone');
    },
  );

  await t.test('its logs and its events', async (t) => {
    await page.getByRole('link', { name: 'Logs', exact: true }).click();
    await page.waitForURL('**/logs');
    await page.getByText('At your service.').waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).click();
    await page.getByText('About to start by joanna').waitFor();
    t.same(await violationsOn(page), []);
  });

  await t.test(
    'it is upgraded, and what that changes is shown before; then it sleeps, and a visit wakes it',
    async (t) => {
      writeTemplate(templates, '1.1.0');
      await page.goto(address.replace('/overview', '/values'));
      const upgrade = page.getByRole('button', { name: 'Upgrade to 1.1.0…' });
      await eventually('the newer version', async () => {
        if ((await upgrade.count()) > 0) return true;
        await page.reload();
        await page.getByRole('heading', { name: 'History' }).waitFor();
        return false;
      });
      await upgrade.click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('mood').waitFor();
      t.same(await violationsOn(page), []);
      await dialog.getByRole('button', { name: 'Upgrade', exact: true }).click();
      await page.getByText('Upgrade is under way.').waitFor();
      await page.goto(address);
      await page.getByText('Page, version 1.1.0').waitFor();
      await page.getByText('Asleep', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Wake up site' }).first().waitFor();
      await small.goto(`https://site-joanna.localhost:${gateway.port}/`);
      await small.getByRole('heading', { name: 'site is waking up' }).waitFor();
      await small.getByRole('heading', { name: 'Of joanna' }).waitFor();
    },
  );

  await t.test('it is removed on a phone', async (t) => {
    // Nobody looks at it any more.
    await page.goto(gateway.origin);
    await small.goto(address);
    await small.getByRole('button', { name: 'Actions for site' }).click();
    await small.getByRole('menuitem', { name: 'Remove…' }).click();
    await small.getByRole('textbox').fill('site');
    t.same(await violationsOn(small), []);
    await small.getByRole('button', { name: 'Remove it' }).click();
    await small.waitForURL('**/services');
    await small.getByRole('row', { name: /broken/ }).waitFor();
    await small.getByRole('row', { name: /site/ }).waitFor({ state: 'detached' });
  });
  t.same(complaints, []);

  await t.test('while the cluster is away everybody is told what waits for it', async (t) => {
    await ann.goto(`${gateway.origin}/admin/health`);
    await ann.getByText('Everybody has their place in the cluster.').waitFor();
    await ann.getByText('What runs in the cluster is seen as it changes.').waitFor();
    await ann.goto(`${gateway.origin}/admin/users`);
    await node.apiserver.stop();
    await approve('zoe');
    await signIn(phone, 'zoe');
    await phone.getByRole('heading', { name: 'Place in the cluster' }).waitFor();
    await phone.getByText('The cluster does not answer now. Knot goes on as soon as it does.').waitFor();
    t.same(await violationsOn(phone), []);
    t.ok(await fits(phone), 'not wider than the phone');
    await ann.goto(`${gateway.origin}/admin/places`);
    await ann.getByRole('row', { name: /zoe[^]*Being made[^]*The cluster does not answer now/ }).waitFor();
    await page.goto(`${gateway.origin}/start/page`);
    await check.getByText('Whether it would start is not known just now.').waitFor();
    await check.getByText('The cluster does not answer.', { exact: false }).waitFor();
    t.same(await violationsOn(page), []);
    await ann.goto(`${gateway.origin}/admin/health`);
    for (const part of ['Cluster', 'Places', 'Cluster services'])
      await ann.getByRole('heading', { name: new RegExp(`^${part} (Failed|Needs a look)$`) }).waitFor();
    t.same(await violationsOn(ann), []);
  });
}
