import type { Page } from 'playwright-core';
import t from 'tap';
import type { Service } from '../../dashboard/src/lib/contract.ts';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openScenes } from './scene.ts';

/** What pages of services show of answers that a running gateway gives rarely: broken lines and failures. */
t.setTimeout(180_000);

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

  await scene('a search in the logs that fails says so and is over', async (t, { page, gateway }) => {
    await serve(page, () => service());
    const problem = { statusCode: 500, code: 'KNOT_X', message: 'The lines cannot be read just now.' };
    await page.route('**/api/v1/services/one/logs?*', (route) => route.fulfill({ status: 500, json: problem }));
    await page.goto(`${gateway.origin}/services/one/logs?q=row`);
    await page.getByText('The lines cannot be read just now.').waitFor();
    t.equal(await page.getByRole('log').getByText('Reading…').count(), 0);
    t.equal(await page.getByText('No line has this text.').count(), 0, 'nobody knows that');
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
