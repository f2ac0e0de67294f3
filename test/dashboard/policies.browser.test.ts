import t from 'tap';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { brokenPolicies, refusedId } from '../support/dashboard/mock-policies.ts';
import { openScenes } from './scene.ts';
import { shows } from '../support/dashboard/shows.ts';

t.test('what admins ask of policies and decisions', { skip: browserSkipReason() }, async (t) => {
  const scene = await openScenes(t);

  await scene('a request is explained, and the explanation has an address of its own', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/policies`);
    await page.getByLabel('Person').fill('bela');
    await page.getByLabel('Address').fill('https://jupyterhub.localhost/user/ann/lab');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('bela may not open this.').waitFor();
    t.match(page.url(), /as=bela&method=GET&url=https/);
    await page.reload();
    await page.getByText('bela may not open this.').waitFor();
    await shows(t, () => page.getByRole('link', { name: 'own-services-only' }).isVisible(), true);
  });

  await scene(
    'a decision id leads to its refusal, from the palette and from the card',
    async (t, { page, gateway }) => {
      await page.goto(gateway.origin);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.keyboard.press('Control+k');
      await page.keyboard.type(` ${refusedId.toUpperCase()} `);
      await page.getByRole('option', { name: refusedId, selected: true }).waitFor();
      await page.keyboard.press('Enter');
      await page.getByText('bela could not open Notebooks.').waitFor();
      t.match(page.url(), `decision=${refusedId}`);
      await shows(t, () => page.getByRole('link', { name: 'own-services-only' }).isVisible(), true);
      await shows(t, () => page.getByLabel('Address or decision id').inputValue(), refusedId);
      t.notOk(await page.getByLabel('Person').isVisible(), 'an id says whose request it was');
      await page.getByText('What the rules saw').click();
      await page.getByText('192.0.2.7').waitFor();
      await page.getByLabel('Address or decision id').fill('0000000000000000');
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByText('No refusal of this id is known.').waitFor();
      await page.getByLabel('Address or decision id').fill('');
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByText('Give an address or a decision id.').waitFor();
    },
  );

  await scene(
    'policy files that were refused are the first thing on Home, in red, with file and line',
    async (t, { page, gateway }) => {
      const now = Date.now();
      gateway.data.policies = brokenPolicies(now);
      gateway.data.components.push({
        name: 'policies',
        status: 'failed',
        message: 'The files are not in force.',
      });
      await page.goto(gateway.origin);
      const notice = page.locator('.notice.failed');
      await notice.getByText('The last change of the policies was refused').waitFor();
      await notice.getByRole('link', { name: 'default.cedar:9:23' }).click();
      await page.waitForURL('**/admin/policies?file=default.cedar#line-9');
      await page.getByText('not in force', { exact: false }).first().waitFor();
      t.pass('the link leads to the line');
    },
  );
});
