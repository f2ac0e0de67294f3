import type { Page } from 'playwright-core';
import t from 'tap';
import type { Service } from '../../dashboard/src/lib/contract.ts';
import { causeOf, type End } from '../../gateway/services/causes.ts';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openScenes } from './scene.ts';
import { shows } from '../support/dashboard/shows.ts';

/** What pages of services show of answers that a running gateway gives rarely: broken lines and failures. */

const service = (over: Partial<Service> = {}): Service => ({
  ...{ id: 'one', name: 'one', owner: { kind: 'user', name: 'ann' }, url: 'https://one-ann.localhost/' },
  template: { id: 'web', title: 'Web page', version: '1.0.0' },
  ...{ wish: 'running', state: 'ready', since: 1, createdBy: 'ann', createdAt: 1 },
  ...{ canSee: true, canView: true, canOpen: true, canManage: true, canStop: true, canRemove: true, canShare: true },
  ...over,
});

/** The API has this one, as it is when it is asked. */
const serve = (page: Page, one: () => Service): Promise<unknown> =>
  page.route('**/api/v1/services/one', (route) => route.fulfill({ json: one() }));

t.test('services, by answers of the API', { skip: browserSkipReason() }, async (t) => {
  const scene = await openScenes(t);

  await scene('a start that ended while the line was broken is told when it stands again', async (t, scene) => {
    const { page, gateway } = scene;
    let state: Service['state'] = 'starting';
    let asked = 0;
    await serve(page, () => service({ state: (asked++, state) }));
    const notice = { id: 'n', at: Date.now(), tone: 'working', text: 'one is starting.', about: 'service:one' };
    const kept = JSON.stringify(JSON.stringify([{ ...notice, isSeen: true }]));
    await page.addInitScript(`localStorage.setItem('knot-notices:${gateway.data.me.user.id}', ${kept})`);
    await page.goto(`${gateway.origin}/account`);
    await eventually('it is waited for', () => asked > 0 && gateway.questions.includes('/events'));
    state = 'ready';
    gateway.dropStreams();
    await page.getByRole('status').getByText('one is ready.').waitFor();
    t.ok(asked > 1);
  });

  await scene(
    'a terminal of what does not run offers what is offered everywhere else',
    async (t, { page, gateway }) => {
      let one = service({ wish: 'stopped', state: 'sleeping' });
      await serve(page, () => one);
      const terminal = page.getByText('The service is not running.').locator('..');
      const offered = async (wanted: string): Promise<void> => {
        await page.goto(`${gateway.origin}/services/one/terminal`);
        await terminal.getByRole('button', { name: 'Paste' }).waitFor();
        const [first] = await terminal.getByRole('button').allTextContents();
        t.equal(first?.trim(), wanted);
      };
      await offered('Start');
      one = service({ state: 'failed' });
      await offered('Start again');
      one = service({ wish: 'asleep', state: 'sleeping' });
      await offered('Wake up');
    },
  );

  await scene(
    'when it sleeps and why stands on its card, and more time is one press away',
    async (t, { page, gateway }) => {
      const minute = 60_000;
      const sleepsAt = Date.now() + 30 * minute;
      let one = service({ rest: { idleSeconds: 1800, lastUsedAt: sleepsAt - 30 * minute, sleepsAt } });
      await serve(page, () => one);
      const asked: unknown[] = [];
      await page.route('**/api/v1/services/one/extend', (route) => {
        asked.push(route.request().postDataJSON());
        return route.fulfill({ json: one });
      });
      await page.goto(`${gateway.origin}/services/one/overview`);
      const left = page.getByText(/^Sleeps in (29|30) min \d+ s$/);
      await left.waitFor();
      const first = await left.innerText();
      await eventually('it is counted down', async () => (await left.innerText()) !== first);
      await page.getByText('it sleeps when nobody uses it for 30 min 0 s. A visit wakes it.').waitFor();
      for (const hours of [1, 8]) {
        await page.getByRole('button', { name: `Keep awake ${hours} h more` }).click();
        await eventually('it is asked for', () => asked.length > 0);
        t.match(asked.splice(0), [{ hours }]);
      }
      one = service({ rest: { idleSeconds: 1800, busyWith: 'A cell is running.' } });
      await page.goto(`${gateway.origin}/services/one/overview`);
      await page.getByText('Stays awake', { exact: true }).waitFor();
      await page.getByText('A cell is running. A visit wakes it.', { exact: true }).waitFor();
    },
  );

  await scene('why it failed stands on its card with the lines that show it; the button does it', async (t, scene) => {
    const { page, gateway } = scene;
    const rows: [End, what: RegExp, button: string, leadsTo: string][] = [
      [
        { reason: 'ended with exit code 127', lines: ['sh: 1: jupyter: not found'] },
        /A program that it needs is not installed/,
        'How to install it',
        '/start/web',
      ],
      [
        { reason: 'ended with exit code 1', lines: ['Error: listen EADDRINUSE: address already in use'] },
        /Another program of the service listens/,
        'See its logs',
        '/services/one/logs',
      ],
      [
        { reason: 'was ended by SIGKILL', lines: ['at work'], crossed: 'memory' },
        /more memory than its size has/,
        'Choose a larger size',
        '/services/one/values',
      ],
      [
        { reason: 'ended with exit code 3', lines: ['Traceback: one', 'Oh no'] },
        /Its program ended with exit code 3/,
        'Change its values',
        '/services/one/values',
      ],
    ];
    let one = service();
    await serve(page, () => one);
    for (const [end, what, button, leadsTo] of rows) {
      const cause = causeOf(end);
      one = service({ state: 'failed', cause: { ...cause, lines: [...(cause.lines ?? [])] } });
      await page.goto(`${gateway.origin}/services/one/overview`);
      await page.getByText(what).waitFor();
      await page.getByText(cause.remedy).waitFor();
      await shows(t, () => page.getByLabel('What it said last').innerText(), end.lines.join('\n'));
      await page.getByRole('button', { name: 'Start again one', exact: true }).first().waitFor();
      await shows(t, () => page.getByRole('link', { name: button }).getAttribute('href'), leadsTo);
    }
  });

  await scene('what the button beside does is not in the menu as well', async (t, { page, gateway }) => {
    const one = service({ wish: 'stopped', state: 'stopped' });
    await serve(page, () => one);
    await page.route('**/api/v1/services', (route) => route.fulfill({ json: { services: [one] } }));
    const items = async (address: string): Promise<string[]> => {
      await page.goto(`${gateway.origin}${address}`);
      await page.getByRole('button', { name: 'Start one' }).waitFor();
      await page.getByRole('button', { name: 'Actions for one' }).click();
      return (await page.getByRole('menuitem').allTextContents()).map((item) => item.trim());
    };
    t.strictSame(await items('/services'), ['Copy address', 'Remove…']);
    await page.keyboard.press('Escape');
    await page.getByRole('checkbox', { name: /all/i }).check();
    await page.getByRole('button', { name: 'Start 1', exact: true }).waitFor();
    t.strictSame(await items('/services/one/overview'), ['Copy address', 'Remove…']);
  });

  await scene('who removes it leaves its page, which asks for it no more', async (t, { page, gateway, goTo }) => {
    let isRemoved = false;
    const late: string[] = [];
    await page.route('**/api/v1/services/one', async (route) => {
      if (isRemoved) late.push(route.request().method());
      if (route.request().method() !== 'DELETE') return route.fulfill({ json: service() });
      isRemoved = true;
      // Every page hears of it before who asked has an answer.
      gateway.questions.length = 0;
      gateway.announce({ topic: 'services', id: 'one' }, 'users');
      await eventually('it is heard', () => gateway.questions.some((question) => question.startsWith('/users')));
      await route.fulfill({ json: service({ wish: 'removed' }) });
    });
    await goTo('/services/one/overview');
    await page.getByRole('button', { name: 'Actions for one' }).click();
    await page.getByRole('menuitem', { name: 'Remove…' }).click();
    await page.getByRole('textbox').fill('one');
    await page.getByRole('button', { name: 'Remove it' }).click();
    await page.waitForURL('**/services');
    await page.getByText('one is being removed.').waitFor();
    t.strictSame(late, []);
  });

  await scene('a search in the logs that fails says so and is over', async (t, { page, gateway }) => {
    await serve(page, () => service());
    const problem = { statusCode: 500, code: 'KNOT_X', message: 'The lines cannot be read just now.' };
    await page.route('**/api/v1/services/one/logs?*', (route) => route.fulfill({ status: 500, json: problem }));
    await page.goto(`${gateway.origin}/services/one/logs?q=row`);
    await page.getByText('The lines cannot be read just now.').waitFor();
    t.equal(await page.getByRole('log').getByText('Reading…').count(), 0);
    t.equal(await page.getByText('No line has this text.').count(), 0, 'nobody knows that');
  });

  await scene('what it used is drawn, and stands in a table', async (t, { page, gateway }) => {
    await serve(page, () => service());
    const now = Date.now();
    const column = (value: number) => Array.from({ length: 60 }, () => value);
    await page.route('**/api/v1/services/one/metrics?*', (route) =>
      route.fulfill({
        json: {
          ...{
            step: 60,
            at: column(0).map((_, index) => now - (60 - index) * 60_000),
            limits: { cpu: 2, memory: 2 ** 30 },
          },
          ...{ cpu: column(0.5), memory: column(2 ** 28), requests: column(30), errors: column(0) },
          ...{ received: column(2_000), sent: column(5_000_000) },
        },
      }),
    );
    await page.goto(`${gateway.origin}/services/one/overview`);
    const figures = page.getByRole('figure');
    for (const words of [
      /Processors\s*0\.50\s*at most 0\.50, of 2\.00/,
      /Memory\s*256 MiB\s*at most 256 MiB, of 1 GiB/,
      /Requests\s*30 a minute/,
      /Sent to visitors\s*5(\.0)? MB a minute/,
      /Received from visitors\s*2(\.0)? kB a minute/,
    ])
      await figures.filter({ hasText: words }).first().waitFor();
    await figures.first().locator('canvas').waitFor();
    await page.getByText('The same as a table').click();
    await shows(
      t,
      () => page.getByRole('row').nth(1).innerText(),
      /0\.50\s+256 MiB\s+30 a minute\s+5(\.0)? MB a minute/,
    );
  });

  await scene(
    'what a template lacks here is said with the command that installs it, before a form',
    async (t, scene) => {
      const { page, gateway } = scene;
      const lack = {
        what: 'versitygw is not installed on this machine.',
        remedy: 'An administrator installs it: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0',
      };
      await page.route('**/api/v1/templates', (route) =>
        route.fulfill({
          json: {
            templates: [
              {
                ...{ id: 's3', name: 's3', origin: 'shipped', title: 'S3', description: 'Buckets.', version: '1.0.0' },
                ...{ isUsable: true, missing: [lack], categories: [], problems: [] },
                ...{ needsKubernetes: false, needsMachine: false },
              },
            ],
            categories: [],
          },
        }),
      );
      await page.goto(`${gateway.origin}/start`);
      const card = page.getByRole('article').filter({ hasText: 'Buckets.' });
      await card.getByText(lack.what).waitFor();
      await card.getByText(lack.remedy).waitFor();
      await shows(t, () => card.getByRole('link', { name: 'S3' }).getAttribute('href'), /\/start\/s3$/);
    },
  );

  await scene('logs and a terminal take the whole of a large window', async (t, { page, gateway }) => {
    await serve(page, () => service());
    await page.route('**/api/v1/services/one/logs?*', (route) => route.fulfill({ json: { lines: [] } }));
    await page.setViewportSize({ width: 1920, height: 1000 });
    const widthOf = async (part: string, word: string): Promise<number> => {
      await page.goto(`${gateway.origin}/services/one/${part}`);
      await page.getByText(word, { exact: true }).first().waitFor();
      return (await page.getByRole('main').boundingBox())!.width;
    };
    const usual = await widthOf('overview', 'Web page');
    t.ok((await widthOf('logs', 'Wrap lines')) > usual + 200);
    t.ok((await widthOf('terminal', 'Paste')) > usual + 200);
  });

  await scene('a picture of a template stands on the ground it was drawn for', async (t, { page, gateway }) => {
    await page.route('**/api/v1/templates', (route) =>
      route.fulfill({
        json: {
          templates: [
            {
              ...{ id: 'web', origin: 'platform', title: 'Web page', description: '', version: '1.0.0' },
              ...{ icon: '/favicon.svg', isUsable: true, missing: [], categories: [], problems: [] },
            },
          ],
          categories: [],
        },
      }),
    );
    const ground = async (colorScheme: 'light' | 'dark'): Promise<string> => {
      await page.emulateMedia({ colorScheme });
      await page.goto(gateway.origin);
      await page.locator('a:has-text("Web page") img').waitFor();
      return page.evaluate<string>(`getComputedStyle(document.querySelector('a img').parentElement).backgroundColor`);
    };
    t.equal(await ground('dark'), await ground('light'));
  });
});
