import t from 'tap';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openScenes } from './scene.ts';
import { shows } from '../support/dashboard/shows.ts';

t.test('the one form', { skip: browserSkipReason() }, async (t) => {
  const scene = await openScenes(t);

  await scene('a draft survives a reload, and goes when it is sent or given up', async (t, { page, gateway }) => {
    const drafts = () =>
      page.evaluate<string[]>(`Object.keys(localStorage).filter((key) => key.startsWith('knot.draft'))`);
    await page.goto(`${gateway.origin}/admin/users#invite`);
    const email = page.getByLabel('E-mail', { exact: true });
    await email.fill('mira@example.org');
    await page.reload();
    await page.getByText('What you typed before is here again.').waitFor();
    await shows(t, () => email.inputValue(), 'mira@example.org');
    t.same(await drafts(), ['knot.draft/u-0/invite'], 'it belongs to the person');
    await page.getByRole('button', { name: 'Make the link' }).click();
    await page.getByText('https://localhost:8443/invite/').waitFor();
    await eventually('the draft is gone', async () => (await drafts()).length === 0);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await shows(t, () => email.inputValue(), '');
    await email.fill('other@example.org');
    await page.getByRole('button', { name: 'Cancel' }).click();
    t.same(await drafts(), []);
  });

  await scene('signing out takes drafts along, and somebody else never sees them', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/teams#new`);
    await page.getByLabel('Title', { exact: true }).fill('Secret plans');
    await page.evaluate(`localStorage.setItem('knot.draft/u-9/new-team', '{"title":"Of jonas","name":""}')`);
    await page.reload();
    await page.getByText('What you typed before').waitFor();
    await shows(t, () => page.getByLabel('Title', { exact: true }).inputValue(), 'Secret plans');
    t.equal(await page.evaluate(`localStorage.getItem('knot.draft/u-9/new-team')`), null);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /ann/ }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/login');
    t.same(await page.evaluate(`Object.keys(localStorage).filter((key) => key.startsWith('knot.draft'))`), []);
  });

  await scene('passwords are never kept, and leaving with one typed asks first', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/account`);
    await page.getByLabel('New password').fill('some new words here');
    t.notMatch(await page.evaluate('JSON.stringify(localStorage)'), 'some new words');
    await page.getByRole('link', { name: 'Home', exact: true }).first().click();
    await page.getByRole('heading', { name: 'Leave without saving?' }).waitFor();
    await page.getByRole('button', { name: 'Stay' }).click();
    t.match(page.url(), /\/account$/);
    await shows(t, () => page.getByLabel('New password').inputValue(), 'some new words here');
    await page.getByRole('link', { name: 'Home', exact: true }).first().click();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.waitForURL(`${gateway.origin}/`);
  });

  await scene(
    'it is sent once however often it is asked for, and the first wrong field gets the keyboard',
    async (t, { page, gateway }) => {
      await page.goto(`${gateway.origin}/admin/teams#new`);
      await page.getByLabel('Title', { exact: true }).fill('x'.repeat(80));
      t.equal(
        (await page.getByLabel('Title', { exact: true }).inputValue()).length,
        60,
        'no more than the gateway takes',
      );
      let asked = 0;
      let go: () => void = () => undefined;
      await page.route('**/api/v1/teams', async (route) => {
        if (route.request().method() !== 'POST') return route.continue();
        asked += 1;
        await new Promise<void>((resolve) => (go = resolve));
        const problems = [{ field: 'name', message: 'The name is taken.' }];
        await route.fulfill({
          status: 409,
          json: { statusCode: 409, code: 'X', message: 'x', details: { problems }, requestId: 'r' },
        });
      });
      await page.getByLabel('Name', { exact: true }).focus();
      for (let press = 0; press < 4; press += 1) await page.keyboard.press('Enter');
      const button = page.getByRole('button', { name: 'Make the team' });
      await shows(t, () => button.isDisabled(), true);
      await eventually('the question is under way', () => asked > 0);
      go();
      await page.getByText('The name is taken.').waitFor();
      t.equal(asked, 1);
      t.equal(await page.evaluate('document.activeElement.name'), 'name');
      await page.getByLabel('Name', { exact: true }).fill('another');
      await page.getByText('The name is taken.').waitFor({ state: 'detached' });
      t.pass('a note about what was changed since goes');
    },
  );
});
