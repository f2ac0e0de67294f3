import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { shows } from '../support/dashboard/shows.ts';

/** From the catalogue over a form to a service that is begun, on a running gateway. */

const chart =
  'apiVersion: v2\nname: mine\nversion: 0.1.0\ndescription: Says something.\nannotations:\n  knot/title: My program\n';
const program = 'require("node:http").createServer((_, answer) => answer.end(process.argv[1])).listen(process.argv[2])';
const runs = `command: ['{node}', -e, '${program}', '{values.greeting}', '{socket}']\nlisten: {socket: true}\n`;
const values = 'greeting: hello\nkind: nothing\npassword: ""\nfolder: /files/private\nmap: {a: 1}\nnumbers: [1, 2]\n';
const branch = (kind: string, properties: object) => ({
  if: { properties: { kind: { const: kind } } },
  then: { properties },
});
const schema = {
  type: 'object',
  required: ['greeting'],
  properties: {
    greeting: {
      type: 'string',
      title: 'Greeting',
      description: 'What it says, not <b>loud</b>.',
      minLength: 1,
      maxLength: 20,
      'x-knot': { order: 1, presets: ['welcome'] },
    },
    kind: { enum: ['one', 'many', 'nothing'], title: 'Kind', 'x-knot': { order: 2 } },
    password: { type: 'string', title: 'Password', 'x-knot': { order: 3, secret: true } },
    folder: { type: 'string', title: 'Folder', 'x-knot': { order: 4, from: 'folders' } },
    map: { type: 'object', title: 'Map', additionalProperties: { type: 'integer' }, 'x-knot': { advanced: true } },
    numbers: {
      type: 'array',
      title: 'Numbers',
      items: { type: 'integer' },
      uniqueItems: true,
      'x-knot': { advanced: true },
    },
    size: { type: 'integer', title: 'Threads', minimum: 1, maximum: 4, 'x-knot': { advanced: true, unit: 'threads' } },
    which: {
      title: 'Which',
      oneOf: [
        {
          title: 'By name',
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string', title: 'Its name' } },
        },
        { title: 'By number', type: 'object', required: ['number'], properties: { number: { type: 'integer' } } },
      ],
      'x-knot': { advanced: true },
    },
  },
  allOf: [
    branch('one', { label: { type: 'string', title: 'Label', default: 'first' } }),
    branch('many', {
      label: { type: 'string', title: 'Label' },
      count: { type: 'integer', title: 'Count', default: 2 },
    }),
  ],
};

t.test('something is started from a template', { skip: browserSkipReason() }, async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob'] });
  const bob = await person('bob');
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const put = (folder: string, files: Record<string, string>): void => {
    const root = join(gateway.data, 'files/private', user.id, folder);
    mkdirSync(root, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  };
  put('site', { 'index.html': '<h1>Of bob</h1>' });
  put('services/mine', {
    'Chart.yaml': chart,
    'process.yaml': runs,
    'values.yaml': values,
    'values.schema.json': JSON.stringify(schema),
  });
  // As many fields as a schema may have, with words that nobody reads and that are no words.
  const words = `${'<img src=x onerror=alert(1)>'.repeat(1_000)}`;
  const many = Array.from({ length: 1_500 }, (_, n) => [
    `field${n}`,
    { type: 'string', title: n === 0 ? words : `F ${n}` },
  ]);
  put('services/hostile', {
    'Chart.yaml': chart.replace('name: mine', 'name: hostile').replace('My program', 'Hostile'),
    'process.yaml': runs.replace('{values.greeting}', 'x'),
    'values.schema.json': JSON.stringify({ type: 'object', description: words, properties: Object.fromEntries(many) }),
  });
  put('services/broken', { 'Chart.yaml': 'apiVersion: v2\nname: other\nversion: 0.1.0\ndescription: Broken.\n' });

  const { page, complaints } = await open('bob');
  const field = (label: string) => page.getByLabel(label, { exact: true });
  const sent = () =>
    page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/services'));

  await t.test('the catalogue says what there is, whose it is, and what is wrong with my own', async (t) => {
    await page.goto(`${gateway.origin}/start`);
    await page.getByRole('link', { name: 'My program' }).waitFor();
    await page.getByText('Chart.yaml:2').waitFor();
    const onKubernetes = page.getByRole('heading', { name: 'MariaDB' });
    t.notOk(await onKubernetes.isVisible(), 'what cannot run here is out of the way');
    await page.getByText('more run on Kubernetes only').click();
    await onKubernetes.waitFor();
    await page.locator('summary', { hasText: 'something in it is wrong' }).click();
    const readAgain = page.waitForResponse('**/api/v1/templates');
    await page.keyboard.press('/');
    await page.keyboard.type('e');
    await (await readAgain).finished();
    await page.waitForURL('**/start?q=e');
    t.notOk(await page.getByText('Chart.yaml:2').isVisible(), 'what was folded stays folded');
    t.strictSame(await violationsOn(page), []);
    await shows(t, () => onKubernetes.isVisible(), true, 'it stays open while the list is read anew');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('publish');
    await page.getByRole('link', { name: 'My program' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.waitForURL('**/start/web');
  });

  await t.test('a web page: choose a folder, create, open', async (t) => {
    await page.getByText('It would start.').waitFor();
    await field('Folder').fill('/etc');
    await page
      .getByRole('region', { name: 'Will it start?' })
      .getByText(/Must match/)
      .waitFor();
    await shows(t, () => page.getByRole('button', { name: 'Create' }).isDisabled(), true);
    await page.getByRole('button', { name: 'Reset Folder' }).click();
    await shows(t, () => field('Folder').inputValue(), '/files/private/public');
    await page.getByRole('button', { name: 'Choose…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'site' }).click();
    await dialog.getByText('/files/private/site').waitFor();
    await dialog.getByRole('button', { name: 'Choose this folder' }).click();
    const held = Promise.withResolvers<undefined>();
    await page.route('**/api/v1/services', async (route) => {
      await held.promise;
      await route.continue();
    });
    await field('Name').fill('My Site');
    await shows(t, () => field('Name').inputValue(), 'my-site');
    await page.getByText('Checking whether it would start…').waitFor();
    const check = page.getByRole('region', { name: 'Will it start?' });
    await shows(t, () => check.getAttribute('class'), /\bworking\b/, 'what is being found out is no warning');
    held.resolve(undefined);
    await page.unrouteAll({ behavior: 'wait' });
    await page.getByText(`https://my-site-bob.localhost`).waitFor();
    await page.getByText('It would start.').waitFor();
    t.strictSame(await violationsOn(page), []);
    // Its page is slower than the start.
    const started = Promise.withResolvers<void>();
    await page.route('**/api/v1/services/*', async (route) => (await started.promise, await route.continue()));
    await page.getByRole('button', { name: 'Create' }).click();
    const mine = async () =>
      (await bob.api('GET', '/services')).json<{ services: { url: string; state: string; values: object }[] }>()
        .services;
    await eventually('it is ready', async () => (await mine())[0]?.state === 'ready');
    started.resolve();
    await page.waitForURL('**/services/*/overview');
    await page.getByText(/my-site is ready, after \d/).waitFor();
    await page.unrouteAll({ behavior: 'wait' });
    const services = await mine();
    t.match(services, [{ name: 'my-site', values: { folder: '/files/private/site' } }]);
    await eventually('it answers', async () => (await bob.visit(services[0]!.url)).text.includes('Of bob'));
  });

  await t.test('one of my own: branches, secrets, a draft, and the same as text', async (t) => {
    await page.goto(`${gateway.origin}/start/user:bob/mine`);
    await page.getByText('It would start.').waitFor();
    await page.getByText('What it says, not <b>loud</b>.').waitFor();
    const secret = await field('Password').inputValue();
    t.match(secret, /^\w{24}$/, 'a secret is made');
    await page.getByRole('button', { name: 'welcome' }).click();
    await field('Kind').selectOption('one');
    await shows(t, () => field('Label').inputValue(), 'first');
    await field('Label').fill('typed');
    await field('Kind').selectOption('many');
    await shows(t, () => field('Label').inputValue(), '', 'what was typed into another branch is not there');
    await shows(t, () => field('Count').inputValue(), '2');
    await page.reload();
    await page.getByText('What you typed before is here again.').waitFor();
    await shows(t, () => field('Greeting').inputValue(), 'welcome');
    t.notMatch(await page.evaluate('JSON.stringify(localStorage)'), secret, 'a secret is not kept');
    await field('Kind').selectOption('nothing');
    await field('Label').waitFor({ state: 'detached' });

    await page.locator('summary', { hasText: /^More$/ }).click();
    await field('Which').selectOption({ label: 'By number' });
    await field('Threads').fill('9');
    await page.getByRole('button', { name: 'Must be at most 4.' }).waitFor();
    await field('Threads').fill('3');
    // What is wrong with a list as a whole leads to the list.
    const item = (index: number) => page.locator(`[data-pointer="/numbers/${index}"] input`);
    await item(1).fill('1');
    await page.getByRole('button', { name: /Duplicate/ }).click();
    await page.locator('[data-pointer="/numbers/0"] input:focus').waitFor();
    await item(1).fill('2');
    t.strictSame(await violationsOn(page), []);

    await page.getByRole('button', { name: 'YAML' }).click();
    const editor = page.getByLabel('Values as YAML');
    await editor.waitFor();
    // Keys of the page are text in the editor: Home, Metrics, the list of keys, the search.
    await page.keyboard.type('# g h g e ? /ge\n');
    await page.getByText('# g h g e ? /ge').waitFor();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('strange: {kept: [1]}\nbroken: [');
    await page
      .getByText(/^Line \d+: /)
      .first()
      .waitFor();
    await shows(t, () => page.getByRole('button', { name: 'Create' }).isDisabled(), true);
    for (const key of ['Shift+Home', 'Shift+Home', 'Backspace', 'Backspace']) await page.keyboard.press(key);
    await page
      .getByRole('region', { name: 'Will it start?' })
      .getByText(/none of the forms/)
      .waitFor();
    await page.getByRole('button', { name: 'Form', exact: true }).click();
    await page.locator('summary', { hasText: /^More$/ }).click();
    await field('Which').selectOption({ label: 'None' });
    await page.getByText('It would start.').waitFor();
    const request = sent();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL('**/services/*/overview');
    const { values } = (await request).postDataJSON() as { values: Record<string, unknown> };
    t.match(values, { greeting: 'welcome', kind: 'nothing', size: 3, strange: { kept: [1] }, numbers: [1, 2] });
    t.notOk('label' in values || 'count' in values || 'which' in values, JSON.stringify(values));
    const { services } = (await bob.api('GET', '/services')).json<{ services: { name: string; url: string }[] }>();
    const { url } = services.find(({ name }) => name === 'mine')!;
    await eventually('it says so', async () => (await bob.visit(url)).text === 'welcome');
    t.strictSame(complaints, []);
  });

  await t.test('a schema that means no good makes a page like any other', async (t) => {
    await page.goto(`${gateway.origin}/start/user:bob/hostile`);
    await page.getByText('It would start.').waitFor();
    await field('F 499').fill('typed');
    await field('F 500').waitFor({ state: 'detached' });
    await page.getByText('It would start.').waitFor();
    t.equal(await page.locator('img[src="x"]').count(), 0);
    t.strictSame(complaints, []);
  });

  await t.test('other values: what changes is said before, a secret only that it does, and back again', async (t) => {
    const { services } = (await bob.api('GET', '/services')).json<{ services: { id: string; name: string }[] }>();
    const { id } = services.find(({ name }) => name === 'mine')!;
    await page.goto(`${gateway.origin}/services/${id}/values`);
    await field('Greeting').fill('good day');
    await field('Password').fill('another-secret');
    const changes = page.getByRole('region', { name: 'What changes' });
    await shows(t, () => changes.innerText(), /greeting\s+welcome\s+→\s+good day[^]*password\s+is another secret/);
    t.notMatch(await changes.innerText(), /another-secret/);
    t.strictSame(await violationsOn(page), []);
    const saved = page.waitForRequest((request) => request.method() === 'PATCH');
    await page.getByRole('button', { name: 'Save and start anew' }).click();
    await page.getByText('Values changed').waitFor();
    const ofRevision = { revision: Number };
    t.match((await saved).postDataJSON(), ofRevision, 'what was changed meanwhile is not overwritten');
    const valuesNow = async () => (await bob.api('GET', `/services/${id}`)).json<{ values: object }>().values;
    t.match(await valuesNow(), { greeting: 'good day', password: 'another-secret' });
    await page.getByRole('button', { name: 'Back to this…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('good day').waitFor();
    const rolledBack = page.waitForRequest((request) => request.url().endsWith('/rollback'));
    await dialog.getByRole('button', { name: 'Go back' }).click();
    await page.getByText('Rolled back').waitFor();
    t.match((await rolledBack).postDataJSON(), ofRevision);
    t.match(await valuesNow(), { greeting: 'welcome' });
    await shows(t, () => field('Greeting').inputValue(), 'welcome');

    // The answer to a question that was put away is not taken for the answer to the next one.
    const back = page.getByRole('button', { name: 'Back to this…' });
    const late = Promise.withResolvers<void>();
    await page.route('**/rollback', async (route) => (await late.promise, await route.continue()), { times: 1 });
    await back.first().click();
    await dialog.getByText('Looking at what would change…').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await back.last().click();
    await dialog.getByText('Nothing.').waitFor();
    const answer = page.waitForResponse('**/rollback');
    late.resolve();
    await (await answer).finished();
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    await dialog.getByText('Nothing.').waitFor();
    t.notMatch(await dialog.innerText(), /good day/);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    t.strictSame(complaints, []);
  });

  await t.test('on a phone, without a mouse, a free name is proposed', async (t) => {
    const { page: phone, complaints } = await open('bob', { width: 390 });
    await phone.goto(`${gateway.origin}/start`);
    await phone.getByRole('link', { name: 'My program' }).focus();
    await phone.keyboard.press('Enter');
    await phone.getByText('It would start.').waitFor();
    await shows(t, () => phone.getByLabel('Name', { exact: true }).inputValue(), 'mine-2');
    t.strictSame(await violationsOn(phone), []);
    await phone.getByLabel('Name', { exact: true }).focus();
    await phone.keyboard.press('Enter');
    await phone.waitForURL('**/services/*/overview');
    t.strictSame(complaints, []);
  });
});
