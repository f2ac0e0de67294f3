import t from 'tap';
import { browserSkipReason, ensureDashboardBuild, launchBrowser, openPage } from '../support/dashboard/browser.ts';
import { startMockGateway } from '../support/dashboard/mock-api.ts';
import { mockData } from '../support/dashboard/mock-data.ts';
import { shows } from '../support/dashboard/shows.ts';

t.test('what I have in tools, without the tools', { skip: browserSkipReason() }, async (t) => {
  ensureDashboardBuild();
  const data = mockData(Date.now());
  data.me.offers = ['workflows', 'images', 'metrics'];
  const gateway = await startMockGateway(data);
  const browser = await launchBrowser();
  t.teardown(() => Promise.all([browser.close(), gateway.close()]));
  const { page, complaints } = await openPage(browser, { width: 1280, theme: 'light' });
  const away = { code: 'KNOT_INTEGRATIONS_TOOL_AWAY', message: 'Argo does not answer.', remedy: 'Try again.' };

  await t.test('workflows: states at a glance, stopped from here; while Argo is away that is said', async (t) => {
    await page.goto(`${gateway.origin}/`);
    await page.getByRole('navigation').getByRole('link', { name: 'Workflows' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Workflows' }).waitFor();
    for (const words of ['Runs', 'Succeeded', 'Failed', 'Waits to go on'])
      await page.getByText(words, { exact: true }).waitFor();
    await page.getByText("child 'train-b2m8c-step' failed").waitFor();
    await page.getByText('3 of 12 steps').waitFor();
    const row = page.getByRole('row').filter({ hasText: 'align-reads' });
    await row.getByRole('button').click();
    await page.getByRole('menuitem', { name: 'Stop' }).click();
    await page.getByText('is told to stop').waitFor();
    await row.getByText('Stopping').waitFor();
    t.ok(gateway.changes.some((change) => /POST .*\/workflows\/align-reads.*\/stop/.test(change)));

    const refusal = { code: 'KNOT_INTEGRATIONS_TOOL_REFUSED', message: 'Argo refuses: quota (403).' };
    gateway.refuse('/workflows/train-b2m8c/resubmit', 502, refusal);
    for (const name of ['train-b2m8c', 'train-f9q1z']) await page.getByLabel(`Choose ${name}`).check();
    await page.getByRole('button', { name: 'Run once more 2' }).click();
    await page.getByText('Not done for 1 of 2. train-b2m8c: Argo refuses: quota (403).').waitFor();
    await page.getByText('“train-f9q1z” runs once more.').waitFor();

    gateway.refuse('/workflows', 503, away);
    await page.reload();
    await page.getByText('Argo does not answer.').waitFor();
    t.equal(await page.getByText('No workflows yet').count(), 0, 'what is not known is not nothing');
    gateway.clearRefusals();
  });

  await t.test('images: with the command that fetches each, and the secret of programs', async (t) => {
    await page.goto(`${gateway.origin}/images`);
    await page.getByText('docker pull harbor.localhost/ann/aligner:2.1').waitFor();
    await page.getByText('chart', { exact: true }).waitFor();
    await page.getByRole('meter').first().waitFor();
    await page.getByRole('button', { name: 'Sign in a program' }).click();
    await page.getByText('Secret-of-ann-1').waitFor();
    await page.getByRole('button', { name: 'Make another one' }).click();
    await page.getByText('Secret-of-ann-2').waitFor();
    t.equal(await page.getByText('Secret-of-ann-1').count(), 0);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Write the login' }).click();
    await page.getByText('It is renewed by itself.').waitFor();
    await page.getByRole('button', { name: 'Take the login out' }).click();
    await page.getByText('Knot can write a login into').waitFor();
    const refusal = { code: 'KNOT_APP_DOCKER_LOGIN_TAKEN', message: 'It has a login of your own.' };
    gateway.refuse('/images/docker-login', 503, refusal);
    await page.getByRole('button', { name: 'Write the login' }).click();
    await page.getByText('It has a login of your own.').waitFor();
    gateway.clearRefusals();
  });

  await t.test('on a phone the command that fetches an image is there whole', async (t) => {
    await page.setViewportSize({ width: 390, height: 844 });
    const cell = page.getByRole('gridcell').filter({ hasText: 'docker pull harbor.localhost/ann/aligner:2.1' });
    const cut = await cell.evaluate((box) => box.scrollWidth - box.clientWidth);
    t.equal(cut, 0);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await t.test('metrics: now against the plan, by day, by service, with what it costs', async (t) => {
    await page.goto(`${gateway.origin}/metrics`);
    await page.getByRole('heading', { name: 'Now, of the plan Standard' }).waitFor();
    await shows(t, () => page.getByRole('meter').count(), 3, 'what has no limit has no bar');
    await page.getByText('1.4 of 4').waitFor();
    await page.getByText('€17.30').waitFor();
    await shows(t, () => page.locator('svg rect title').count(), 30);
    await page.getByLabel('What is shown').selectOption({ label: 'Cost' });
    await page.getByText('At most €3.30 in a day').waitFor();
    await page.getByText('The same as a table').click();
    await page.getByRole('rowheader', { name: '2026-11-30' }).waitFor();
    t.strictSame(
      complaints.filter((text) => !/50[23]/.test(text)),
      [],
    );
  });

  await t.test('Home: my newest workflows are stopped and run once more there, my images fetched', async (t) => {
    const before = gateway.changes.length;
    await page.goto(`${gateway.origin}/`);
    const workflows = page.getByRole('region', { name: 'My workflows' });
    await workflows.getByRole('link', { name: 'nightly' }).waitFor();
    await shows(
      t,
      () => workflows.getByRole('link', { name: 'train-f9q1z' }).getAttribute('href'),
      'https://argo.localhost/workflows/knot-ann/train-f9q1z',
    );
    await workflows.getByText('3 min', { exact: false }).first().waitFor();
    await workflows.getByRole('button', { name: 'Run once more: train-f9q1z' }).click();
    await page.getByText('“train-f9q1z” runs once more.').waitFor();
    await workflows.getByRole('button', { name: 'Stop: nightly' }).click();
    await page.getByText('“nightly” is told to stop.').waitFor();
    await workflows.getByRole('listitem').filter({ hasText: 'nightly' }).getByText('Stopping').waitFor();
    t.equal(await workflows.getByRole('button', { name: 'Stop: nightly' }).count(), 0, 'shown as it is now');
    t.match(gateway.changes.slice(before), [
      /POST .*\/workflows\/train-f9q1z\/resubmit/,
      /POST .*\/workflows\/nightly\/stop/,
    ]);
    t.ok(gateway.questions.includes('/workflows?limit=10'), 'the last ten');
    const images = page.getByRole('region', { name: 'My images' });
    await images.getByText('docker pull harbor.localhost/ann/aligner:2.1').waitFor();
    await images.getByText('734', { exact: false }).first().waitFor();
    await images.getByText('pushed').first().waitFor();
  });

  await t.test('wherever a place is shown, it says what made by hand in it nobody reaches, and why', async (t) => {
    data.me.hasCluster = true;
    for (const path of [
      '/account',
      '/admin/users/ann/overview',
      '/admin/teams/genomics/storage',
      '/teams/genomics/plan',
    ]) {
      await page.goto(`${gateway.origin}${path}`);
      await page.getByText('Ingress web (wiki.example.org): Another application has this host.').waitFor();
      t.equal(await page.getByText('Ingress open').count(), 0, path);
    }
    data.me.hasCluster = false;
  });

  await t.test('a tool that is not there has no page in the navigation', async (t) => {
    data.me.offers = [];
    await page.goto(`${gateway.origin}/`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    t.equal(await page.getByRole('link', { name: 'Workflows' }).count(), 0);
  });
});
