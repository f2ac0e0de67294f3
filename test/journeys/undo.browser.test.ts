import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, ensureDashboardBuild, launchBrowser } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { shows } from '../support/dashboard/shows.ts';

/** Taking an act back, from the button to the stored state and the audit record, on a running gateway. */

const password = 'correct-horse-staple-7';

t.test(
  'undo restores what was there, and never what somebody else changed',
  { skip: browserSkipReason() },
  async (t) => {
    ensureDashboardBuild();
    const gateway = await startGateway({ config: { integrations: { jupyterhub: { mode: 'off' } } } });
    const browser = await launchBrowser();
    t.teardown(async () => {
      await browser.close();
      await gateway.stop();
    });
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(gateway.setupLink!);
    await page.fill('input[name=username]', 'ann');
    await page.fill('input[name=email]', 'ann@example.org');
    await page.fill('input[name=password]', password);
    await page.getByRole('button', { name: /admin/i }).click();
    await page.getByRole('heading', { name: /ann/ }).waitFor();

    const visitor = await browser.newContext({ ignoreHTTPSErrors: true });
    const signUp = await visitor.newPage();
    await signUp.goto(`${gateway.origin}/signup`);
    await signUp.fill('input[name=username]', 'bob');
    await signUp.fill('input[name=email]', 'bob@example.org');
    await signUp.fill('input[name=password]', password);
    await signUp.getByRole('button').first().click();
    const stateOf = (): Promise<string> =>
      page.evaluate(
        `fetch('/api/v1/users?q=bob').then((answer) => answer.json()).then(({ users }) => users[0]?.state ?? 'nobody')`,
      );
    const becomes = (state: string) => eventually(`bob is ${state}`, async () => (await stateOf()) === state);
    await becomes('pending');

    const choose = async (item: string): Promise<void> => {
      await page.getByRole('button', { name: 'Actions for bob' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await page.goto(`${gateway.origin}/admin/users`);
    await choose('Refuse');
    await page.getByText('bob is refused and cannot sign in.').waitFor();
    await becomes('disabled');
    await undo(page);
    await becomes('pending');

    await page.getByRole('row', { name: /bob/ }).getByRole('button', { name: 'Approve' }).click();
    await page.getByText('bob can sign in now.').waitFor();
    await becomes('active');
    await undo(page);
    await becomes('pending');

    await page.getByRole('row', { name: /bob/ }).getByRole('button', { name: 'Approve' }).click();
    await becomes('active');
    t.equal((await gateway.knot(['user', 'disable', 'bob'])).status, 0);
    await undo(page);
    await page.getByText('bob was changed by somebody else meanwhile.').waitFor();
    await becomes('disabled');

    await page.goto(`${gateway.origin}/admin/audit`);
    await page.getByText('Undone: account refused').first().waitFor();
    await shows(t, () => page.getByText('Undone: account approved').first().isVisible(), true);
  },
);

const undo = (page: Page): Promise<void> => page.getByRole('button', { name: 'Undo' }).click();
