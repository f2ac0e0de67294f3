import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors, type Visitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { cachedPackages } from '../support/process/template-packages.ts';
import { mirrorTemplate } from './mirror-service.ts';

/**
 * From Home to a page that a team reads, on a laptop and on a phone: a script writes a table, a notebook reads it, a web page publishes it
 * to a team and by a link. All of it with what Knot ships.
 */

const skip = servicesSkipReason() || browserSkipReason();

const script = `
import csv, pathlib
pathlib.Path('results').mkdir(exist_ok=True)
with open('results/x.csv', 'w') as file: csv.writer(file).writerows([['name', 'number'], ['one', 40], ['two', 2]])
print('written by', pathlib.Path.cwd())
`;
import { shows } from '../support/dashboard/shows.ts';

const cell = `import pandas; print('the sum is', pandas.read_csv('/files/private/results/x.csv').number.sum())`;

type Shown = { id: string; name: string; url: string; state: string };

/** Of a page of Knot: axe has nothing to say, and it is no wider than its window. */
async function looksRight(t: Test, page: Page, what: string): Promise<void> {
  t.strictSame(await violationsOn(page), [], what);
  const over = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  t.equal(await page.evaluate(over), 0, `${what} does not scroll sideways`);
}

/** From Home over the catalogue and the form to a service that is ready; what it is called. */
async function start(t: Test, page: Page, title: string, fill: () => Promise<void>): Promise<string> {
  await page.getByRole('link', { name: 'All templates' }).click();
  await page.getByRole('heading', { level: 1, name: 'Start something' }).waitFor();
  await page.getByRole('link', { name: title, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  const name = await page.getByLabel('Name', { exact: true }).inputValue();
  await fill();
  await page.getByText('It would start.').waitFor();
  await looksRight(t, page, `the form of ${title}`);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.waitForURL('**/services/*/overview');
  await page.getByText(new RegExp(`${name} is ready, after \\d`)).waitFor({ timeout: 120_000 });
  const steps = page.getByRole('list', { name: `Start of ${name}` }).getByRole('listitem');
  for (const step of await steps.all()) await shows(t, () => step.innerText(), /, done[^]*\d+ (ms|s|min)/);
  t.ok((await steps.count()) > 0);
  await looksRight(t, page, `the start of ${title}`);
  return name;
}

/** Reads a large file slowly, as a page does that goes on and on; its title says what becomes of it. */
const readSlowly = `void (async () => {
  const reader = (await fetch('/large.bin')).body.getReader();
  try {
    for (;;) {
      const { done } = await reader.read();
      if (done) return void (document.title = 'whole');
      document.title = 'reading';
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } catch {
    document.title = 'cut';
  }
})()`;

/** A stream and a socket of the mirror, and what becomes of each. */
const listen = `{
  const heard = (window.heard = { stream: 'waits', socket: 'waits' });
  const socket = new WebSocket(location.href.replace('https:', 'wss:'));
  socket.onmessage = () => (heard.socket = 'open');
  socket.onclose = () => (heard.socket = 'closed');
  void (async () => {
    try {
      const reader = (await fetch('/ticks')).body.getReader();
      while (!(await reader.read()).done) heard.stream = 'open';
    } catch {
      // A stream that is cut throws where one that ends does not: both are over.
    }
    heard.stream = 'closed';
  })();
}`;

/** Within which what is open by a right ends with it. The clock of a busy machine is no proof, so that a test waits for longer. */
const endsWithinMs = 2_000;
const patience = 5;

t.test('three programs, one path of files, and who may read it', { skip }, async (t) => {
  const visitors = await openVisitors(t, {
    others: ['bob', 'mia', 'zoe'],
    config: {
      services: { packages: cachedPackages, machine: { memory: '16 GiB' }, templates: [mirrorTemplate(t)] },
    },
  });
  const { gateway, person } = visitors;
  const ann = await person('ann');
  const { id } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  await ann.api('PUT', `/teams/${id}/members/mia`, { role: 'member' });
  const bob = await person('bob');
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const results = join(gateway.data, 'files/private', user.id, 'results');
  mkdirSync(results, { recursive: true, mode: 0o777 });
  writeFileSync(join(results, 'large.bin'), '');
  truncateSync(join(results, 'large.bin'), 2 ** 31);
  for (const width of [1440, 390])
    await t.test(`${width} px`, (t) => along(t, visitors, width === 390 ? { width, theme: 'dark' } : { width }));
});

async function along(
  t: Test,
  { gateway, open, stranger, person }: Visitors,
  look: { width: number; theme?: 'dark' },
): Promise<void> {
  const isPhone = look.width < 500;
  let site = '';
  const bob = await person('bob');
  const { page, complaints } = await open('bob', look);
  const services = async (): Promise<Shown[]> =>
    (await bob.api('GET', '/services')).json<{ services: Shown[] }>().services;
  const serviceOf = async (name: string) => (await services()).find((service) => service.name === name)!;
  const enter = async (name: string, at?: RegExp): Promise<void> => {
    const { url: address } = await serviceOf(name);
    await page
      .getByRole('link', { name: `Open ${name}`, exact: true })
      .first()
      .click();
    await page.waitForURL((url) => url.href.startsWith(address) && (at === undefined || at.test(url.pathname)));
  };
  const upload = async (at: Page, name: string, content: string): Promise<void> => {
    await at.goto(`${gateway.origin}/files/private`);
    await at
      .locator('input[type=file]:not([webkitdirectory])')
      .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
    await at.getByRole('link', { name, exact: true }).waitFor();
  };

  await t.test('a script of one’s files writes a table', async (t) => {
    await upload(page, `write-${look.width}.py`, script);
    await page.goto(gateway.origin);
    const name = await start(t, page, 'Script', async () => {
      await page.getByLabel('Command', { exact: false }).last().fill(`write-${look.width}.py`);
    });
    await enter(name);
    await page.getByText('written by /files/private').waitFor();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    await looksRight(t, page, 'the page of a script');
  });

  await t.test('a notebook reads it; what it writes is a file of its owner, and the other way round', async (t) => {
    await page.goto(gateway.origin);
    const name = await start(t, page, 'Notebook', async () => {
      await page.getByLabel('Size', { exact: true }).waitFor();
      t.notOk(await page.getByText('My services that it reaches').isVisible(), 'the rest is folded');
    });
    await enter(name, /\/lab/);
    await page.locator('.jp-LauncherCard[data-category="Notebook"]').click();
    const browser = page.getByRole('tab', { name: /File Browser/ });
    // On a phone there is room for the files or for the notebook.
    if (isPhone) await browser.click();
    await page.getByText('Python 3 | Idle').waitFor();
    await page.locator('.jp-NotebookPanel .cm-content').first().click();
    await page.keyboard.insertText(cell);
    await page.keyboard.press('Shift+Enter');
    await page.locator('.jp-OutputArea-output').getByText('the sum is 42').waitFor();
    await page.keyboard.press('Control+s');
    await page.locator('.jp-Dialog input[type=text]').fill(`sums-${look.width}.ipynb`);
    await page.getByRole('button', { name: 'Rename and Save' }).click();

    const beside = await page.context().newPage();
    await beside.goto(`${gateway.origin}/files/private`);
    await beside.getByRole('link', { name: `sums-${look.width}.ipynb`, exact: true }).click();
    await beside.getByText('the sum is 42').waitFor();
    await looksRight(t, beside, 'a notebook on the Files page');
    await upload(beside, `note-${look.width}.txt`, 'made on the Files page');
    await beside.close();
    if (isPhone) await browser.click();
    await page
      .getByRole('button', { name: /Refresh/ })
      .first()
      .click();
    await page.locator('.jp-DirListing-item').getByText(`note-${look.width}.txt`).dblclick();
    if (isPhone) await browser.click();
    await page.locator('.jp-FileEditor').getByText('made on the Files page').waitFor();
    // What JupyterLab has to say of itself, or of a slow machine, is not of Knot.
    complaints.length = 0;
  });

  await t.test('a web page publishes the folder, and the Files page shows what is in it', async (t) => {
    await page.goto(`${gateway.origin}/files/private/results?view=x.csv`);
    await page.getByRole('cell', { name: '40', exact: true }).waitFor();
    await looksRight(t, page, 'a table on the Files page');
    await page.goto(gateway.origin);
    site = await start(t, page, 'Web page', () =>
      page.getByLabel('Folder', { exact: true }).fill('/files/private/results'),
    );
    await enter(site);
    await page.getByRole('link', { name: 'x.csv' }).waitFor();
    await looksRight(t, page, 'a published folder');
    t.match(await page.evaluate(`fetch('x.csv').then((answer) => answer.text())`), /name,number\r\none,40/);
  });

  await t.test('the team looks at it, a stranger does not, a guest does until the link ends', async (t) => {
    const { id, url } = await serviceOf(site);
    const { page: mia } = await open('mia', look);
    const { page: zoe } = await open('zoe', look);
    t.equal((await mia.goto(url))?.status(), 403, 'not before it is shared');
    await page.goto(`${gateway.origin}/services/${id}/overview`);
    await page.getByRole('link', { name: 'Sharing' }).click();
    await page.getByRole('combobox', { name: 'Person or team' }).fill('physics');
    await page.getByLabel('They may').selectOption({ label: 'Look at it' });
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    const reach = page.getByRole('region', { name: 'Who can reach it' });
    await reach.getByText('may look at it and change nothing').waitFor();
    await looksRight(t, page, 'what is shared');

    await mia.goto(`${gateway.origin}/services`);
    await mia.getByRole('link', { name: `Open ${site}`, exact: true }).click();
    await mia.getByRole('link', { name: 'x.csv' }).waitFor();
    t.equal((await zoe.goto(url))?.status(), 403);
    await looksRight(t, zoe, 'a refusal');

    await page.getByRole('combobox', { name: 'Share with' }).selectOption('guest');
    await page.getByLabel('For how long').selectOption('1');
    await page.getByRole('button', { name: 'Make a link' }).click();
    const link = await page.getByRole('status').locator('code').innerText();
    await reach
      .getByText(/Ends (in|tomorrow)/)
      .first()
      .waitFor();
    await looksRight(t, page, 'a link');
    const { page: guest } = await stranger(look);
    await guest.goto(link);
    await guest.getByRole('link', { name: 'x.csv' }).waitFor();
    t.equal(guest.url(), url, 'nothing of the link stays in the address');
    await guest.evaluate(readSlowly);
    await eventually('the guest reads', async () => (await guest.title()) === 'reading');

    const came = page.getByRole('region', { name: 'Who came' });
    await eventually('the owner sees who came', async () => {
      await page.reload();
      // Whoever came is written down a moment later.
      await came
        .getByText(/by: |has come yet/)
        .first()
        .waitFor();
      return (
        (await came.getByText('A guest').count()) === 1 && (await came.getByText('mia', { exact: true }).count()) === 1
      );
    });
    await shows(t, () => came.innerText(), /mia\s+by: [^\n]*physics[^]*\d times?, first .+, last .+ from 127\.0\.0\.1/);
    await looksRight(t, page, 'who came');

    t.equal(await guest.title(), 'reading');
    const { shares } = (await bob.api('GET', `/services/${id}/shares`)).json<{
      shares: { id: string; with: string }[];
    }>();
    const ofGuest = shares.find((share) => share.with === 'guest')!;
    const end = { expiresAt: Date.now() + 1_000 };
    t.equal((await bob.api('PATCH', `/services/${id}/shares/${ofGuest.id}`, end)).status, 200);
    await eventually('it ends with the link', async () => (await guest.title()) === 'cut');
    t.equal((await guest.goto(link))?.status(), 410);
    await looksRight(t, guest, 'a link that has ended');
    await mia.reload();
    await mia.getByRole('link', { name: 'x.csv' }).waitFor();
  });

  await t.test('what a guest has open ends with the link, when it is taken away and by itself', async (t) => {
    const name = `live${look.width}`;
    const { id, url } = await launch(bob, { template: 'mirror', name });
    await becomes(bob, id, 'ready');
    const at = `/services/${id}/shares`;
    const ends: Record<string, (share: string) => Promise<number>> = {
      async 'taken away'() {
        await page.goto(`${gateway.origin}/services/${id}/sharing`);
        await page.getByRole('button', { name: 'Actions for Whoever has the link' }).click();
        const item = page.getByRole('menuitem', { name: 'End it' });
        await item.waitFor();
        const pressed = Date.now();
        await item.click();
        return pressed;
      },
      async over(share) {
        const expiresAt = Date.now() + 1_000;
        t.equal((await bob.api('PATCH', `${at}/${share}`, { expiresAt })).status, 200);
        return expiresAt;
      },
    };
    for (const [how, end] of Object.entries(ends)) {
      const made = await bob.api('POST', at, { with: 'guest', right: 'open', days: 1 });
      const { share, url: link } = made.json<{ share: { id: string }; url: string }>();
      const { page: guest } = await stranger(look);
      await guest.goto(link);
      t.equal(guest.url(), url);
      await guest.evaluate(listen);
      const heard = () => guest.evaluate<{ stream: string; socket: string }>('heard');
      const both = async (state: string) => {
        const { stream, socket } = await heard();
        return stream === state && socket === state;
      };
      await eventually('both are open', () => both('open'));
      const endedAt = await end(share.id);
      await eventually(
        `both end with what is ${how}`,
        () => both('closed'),
        patience * endsWithinMs + Math.max(0, endedAt - Date.now()),
      );
      t.comment(`${how}: both had ended after ${Date.now() - endedAt} ms`);
      t.equal((await guest.goto(link))?.status(), 410);
      await guest.context().close();
    }
    await bob.api('DELETE', `/services/${id}`);
  });

  // A page of one's own has an icon when one makes it one.
  const ofKnot = complaints.filter((complaint) => !complaint.endsWith('(/favicon.ico)'));
  t.strictSame(ofKnot, []);
}
