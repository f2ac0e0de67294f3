import t, { type Test } from 'tap';
import { browserSkipReason, ensureDashboardBuild, launchBrowser, openPage } from '../support/dashboard/browser.ts';
import { startMockGateway } from '../support/dashboard/mock-api.ts';
import { mockData } from '../support/dashboard/mock-data.ts';
import { shows } from '../support/dashboard/shows.ts';

t.test('registered and connected applications', { skip: browserSkipReason() }, async (t) => {
  ensureDashboardBuild();
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const open = async (test: Test, path: string) => {
    const gateway = await startMockGateway(mockData(Date.now()));
    const { page, complaints } = await openPage(browser, { width: 1280, theme: 'light' });
    test.teardown(async () => {
      await page.context().close();
      await gateway.close();
    });
    await page.goto(gateway.origin + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    return { page, gateway, complaints };
  };

  await t.test(
    'an application is registered, all that is wrong stands at its field, the secret is shown once',
    async (t) => {
      const { page, gateway } = await open(t, '/admin/clients');
      await page.getByRole('button', { name: 'Register an application' }).click();
      const fields = [
        'name',
        'redirectUris',
        'backchannelLogoutUri',
        'isPublic',
        'firstParty',
        'idTokenSignedResponseAlg',
      ];
      const problems = fields.map((field) => ({
        field,
        message: `no ${field}`,
      }));
      gateway.refuse('/clients', 400, { code: 'KNOT_OIDC_CLIENT_INPUT', message: 'Several.', details: { problems } });
      await page.getByLabel('Redirect addresses').fill('http://w.example/cb');
      await page.getByRole('button', { name: 'Register', exact: true }).click();
      for (const { field } of problems) await page.getByText(`No ${field}.`).waitFor();
      await shows(t, () => page.locator('[aria-invalid]').count(), fields.length, 'also at ticks and choices');
      t.equal(await page.getByText('Several.').count(), 0);
      await shows(
        t,
        () => page.getByLabel('Redirect addresses').inputValue(),
        'http://w.example/cb',
        'what was typed stays',
      );
      gateway.clearRefusals();
      await page.getByLabel('Title').fill('My wiki');
      await page.reload();
      await page.getByText('What you typed before is here again.').waitFor();
      await shows(t, () => page.getByLabel('Title').inputValue(), 'My wiki', 'a reload shows the dialog again');
      await page.getByLabel('Redirect addresses').fill('https://w.example/cb\n\n https://w.example/two ');
      await page.getByLabel('Ours').check();
      await page.getByRole('button', { name: 'Register', exact: true }).click();
      await page.getByRole('heading', { name: 'My wiki is registered' }).waitFor();
      const secret = page.getByText('Zk3vWn8qTzG7yLxP1sRfH6dJcMaUeOi8tVqXwZ3bNg0');
      await shows(t, () => secret.isVisible(), true);
      t.match(
        gateway.changes.at(-1),
        /POST .*clients .*"redirectUris":\["https:\/\/w.example\/cb","https:\/\/w.example\/two"\].*"firstParty":true/,
      );
      await page.getByRole('button', { name: 'Done' }).click();
      await page.getByRole('heading', { name: 'My wiki', exact: true }).waitFor();
      t.equal(await secret.count(), 0, 'it is gone');
    },
  );

  await t.test('an application is changed, its secret rotated, and removed by typing its id', async (t) => {
    const { page, gateway, complaints } = await open(t, '/admin/clients');
    const menu = async (item: string) => {
      await page.getByRole('button', { name: 'Actions for Images of the team' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await menu('Change…');
    await shows(t, () => page.getByLabel('Groups that may use it').inputValue(), 'knot:team:genomics');
    await page.reload();
    await shows(t, () => page.getByLabel('Groups that may use it').inputValue(), 'knot:team:genomics');
    await page.getByLabel('Groups that may use it').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Images of the team is changed.').waitFor();
    t.match(gateway.changes.at(-1), /PATCH .*clients\/harbor .*"allowedGroups":\[\]/);
    await menu('Rotate the secret…');
    await page.getByLabel('The present secret works for').selectOption('3600');
    gateway.refuse('/clients/harbor/secrets', 400, {
      code: 'KNOT_API_INPUT',
      message: 'x',
      details: { problems: [{ field: 'overlapSeconds', message: 'is too long' }] },
    });
    await page.getByRole('button', { name: 'Make a new secret' }).click();
    await page.getByText('Is too long.').waitFor();
    gateway.clearRefusals();
    t.match(complaints.splice(0), [/status of 400/], 'what the browser itself says of the refusal');
    await page.getByRole('button', { name: 'Make a new secret' }).click();
    await page.getByText('Rt9vWn8qTzG7yLxP1sRfH6dJcMaUeOi8tVqXwZ3bNg0').waitFor();
    await shows(t, () => page.getByText('The secret of before works until').isVisible(), true);
    t.match(gateway.changes.at(-1), /POST .*clients\/harbor\/secrets {"overlapSeconds":3600}/);
    await page.getByRole('button', { name: 'Done' }).click();
    await menu('Remove…');
    const remove = page.getByRole('button', { name: 'Remove for good' });
    await shows(t, () => remove.isDisabled(), true);
    await page.getByLabel('Type “harbor” to go on').fill('harbor');
    await remove.click();
    await page.getByText('Images of the team is removed.').waitFor();
    t.match(gateway.changes.at(-1), /DELETE .*clients\/harbor/);
    await page.getByRole('button', { name: 'Actions for Notebooks' }).click();
    await shows(
      t,
      () => page.getByRole('menuitem', { name: /Change/ }).getAttribute('aria-disabled'),
      'true',
      'configured ones are fixed',
    );
    t.strictSame(complaints, []);
  });

  await t.test('a person disconnects an application, or keeps them through a new password', async (t) => {
    const { page, gateway } = await open(t, '/account');
    await page.getByLabel('Keep connected applications', { exact: true }).check();
    await page.getByLabel('Current password').fill('correct horse');
    await page.getByLabel('New password').fill('another horse of mine');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Your password is changed').waitFor();
    t.match(gateway.changes.at(-1), /"keepConnections":true/);
    await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByText('and 1 application is disconnected').waitFor();
    await page.getByRole('button', { name: 'Disconnect kubectl on the command line' }).click();
    await page.getByText('kubectl on the command line is disconnected.').waitFor();
    t.match(gateway.changes.at(-1), /DELETE .*account\/connections\/kubelogin/);
    t.equal(
      await page.getByLabel('Keep connected applications', { exact: true }).count(),
      0,
      'nothing is left to keep',
    );
  });

  await t.test('an admin sees and ends what a person connected', async (t) => {
    const { page, gateway } = await open(t, '/admin/users/u-3/access');
    await page.getByRole('button', { name: 'Disconnect Wiki of the institute' }).click();
    await page.getByText('Wiki of the institute is disconnected from dmitri.').waitFor();
    t.match(gateway.changes.at(-1), /DELETE .*users\/u-3\/connections\/wiki/);
  });
});
