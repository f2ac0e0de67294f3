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
});
