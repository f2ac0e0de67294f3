import t from 'tap';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openScenes } from './scene.ts';
import { shows } from '../support/dashboard/shows.ts';

t.test('what people do with the dashboard', { skip: browserSkipReason() }, async (t) => {
  const scene = await openScenes(t);

  await scene(
    'home shows real progress that moves by itself, and what to do about a failure',
    async (t, { page, gateway, goTo }) => {
      await goTo('/');
      const ring = page.getByRole('progressbar', { name: /Notebooks/ });
      await shows(t, () => ring.getAttribute('aria-valuenow'), '62');
      const steps = page.getByRole('list', { name: 'Preparing Notebooks' });
      const told = (await steps.locator('li').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
      t.match(told, [
        /^Make a Python environment ?, done 8 s$/,
        /^Install packages ?, under way \d/,
        /^Start JupyterHub ?, to come$/,
      ]);
      await shows(t, () => page.getByText('Start Grafana, or correct').isVisible(), true);
      gateway.data.tiles[0]!.status = { status: 'ready', message: 'Opens in about 10 s.' };
      gateway.announce('tiles');
      const tile = page.getByRole('link', { name: 'Open Notebooks', exact: true });
      await tile.waitFor();
      await shows(t, () => tile.getAttribute('href'), 'https://jupyterhub.localhost:8443');
    },
  );

  await scene(
    'home says no more than is known, and its sentence agrees with the tiles',
    async (t, { page, gateway, goTo }) => {
      const tile = (name: string) => page.locator('.tile', { hasText: name });
      await goTo('/');
      await tile('Group wiki').getByText('Not reachable').waitFor();
      await shows(t, () => tile('Old portal').getByText('Not watched').isVisible(), true);
      t.equal(await tile('Old portal').getByText('Ready').count(), 0);
      await shows(t, () => page.getByText('Metrics and Group wiki do not work just now.').isVisible(), true);
      // One may still go and see.
      const open = tile('Group wiki').getByRole('link', { name: 'Open Group wiki' });
      await shows(t, () => open.getAttribute('href'), 'https://wiki.localhost:8443');
      const known = gateway.data.tiles.filter(({ kind }) => kind === 'app');
      for (const { status } of known) status.status = 'ready';
      gateway.data.tiles.splice(0, gateway.data.tiles.length, ...known);
      gateway.announce('tiles');
      await page.getByText('Everything is ready.').waitFor();
      known[0]!.status.status = 'unwatched';
      gateway.announce('tiles');
      await page
        .getByText('Echo', { exact: true })
        .locator('xpath=ancestor::*[contains(@class,"tile")]')
        .getByText('Not watched')
        .waitFor();
      t.equal(await page.getByText('Everything is ready.').count(), 0, 'what nobody watches is not counted');
    },
  );

  await scene(
    'a person without admin rights sees no admin page',
    async (t, { page, gateway }) => {
      await page.goto(gateway.origin);
      await page.getByRole('heading', { level: 1 }).waitFor();
      t.equal(await page.getByRole('link', { name: 'Users' }).count(), 0);
      t.equal(await page.getByText('waiting for your approval').count(), 0);
      await page.goto(`${gateway.origin}/admin/users`);
      await page.getByRole('heading', { level: 1, name: 'Not allowed' }).waitFor();
      await shows(t, () => page.getByText('k3v9x2m4').isVisible(), true);
      const leave = page.getByRole('link', { name: 'Switch account' });
      await shows(t, () => leave.getAttribute('href'), '/login/account?next=%2Fadmin%2Fusers');
    },
    { isAdmin: false },
  );

  await scene('approving takes one press and can be undone', async (t, { page, gateway }) => {
    await page.goto(gateway.origin);
    await page.getByRole('link', { name: 'Look and approve' }).click();
    await page.waitForURL('**/admin/users?state=pending');
    await page
      .getByRole('row', { name: /dmitri/ })
      .getByRole('button', { name: 'Approve' })
      .click();
    await page.getByText('dmitri can sign in now.').waitFor();
    t.equal(gateway.data.users[3]!.state, 'active');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Undone: dmitri waits for approval.').waitFor();
    t.match(gateway.changes, [/PATCH .*u-3 \{"state":"active"\}/, /PATCH .*u-3 \{"state":"pending","undoes":7\}/]);
    t.equal(gateway.data.users[3]!.state, 'pending');
  });

  await scene('refusing says refused, and undoing it makes the person wait again', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Actions for dmitri' }).click();
    await page.getByRole('menuitem', { name: 'Refuse' }).click();
    await page.getByText('dmitri is refused and cannot sign in.').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Undone: dmitri waits for approval.').waitFor();
    t.equal(gateway.data.users[3]!.state, 'pending');
  });

  await scene('what does not come back is not called undo', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Actions for bela' }).click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await page.getByText('bela is disabled and signed out everywhere.').waitFor();
    t.equal(await page.getByRole('button', { name: 'Undo' }).count(), 0);
    await page.getByRole('button', { name: 'Enable again' }).click();
    await page.getByText('bela can sign in again.').waitFor();
  });

  await scene('an undo that comes too late says so and changes nothing', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users?state=pending`);
    await page
      .getByRole('row', { name: /dmitri/ })
      .getByRole('button', { name: 'Approve' })
      .click();
    await page.getByText('dmitri can sign in now.').waitFor();
    const message = 'dmitri was changed by somebody else meanwhile.';
    gateway.refuse('/users/u-3', 409, { code: 'KNOT_ACCOUNTS_CHANGED', message, remedy: 'Nothing was undone.' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(message).waitFor();
    t.equal(await page.getByText('Undone:').count(), 0);
  });

  await scene('one act on a person retires the undo of the act before', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    for (const item of ['Make an admin', 'Remove admin rights']) {
      await page.getByRole('button', { name: 'Actions for bela' }).click();
      await page.getByRole('menuitem', { name: item }).click();
      await page
        .locator('.toast', { hasText: item === 'Make an admin' ? 'is an admin now' : 'no longer an admin' })
        .waitFor();
    }
    await shows(t, () => page.getByRole('button', { name: 'Undo' }).count(), 1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Undone: bela is an admin.').waitFor();
  });

  await scene(
    'what a person may not do to their own account is shown with the reason',
    async (t, { page, gateway }) => {
      for (const user of gateway.data.users.slice(1)) user.isAdmin = false;
      await page.goto(`${gateway.origin}/admin/users?q=ann`);
      await page.getByRole('button', { name: 'Actions for ann' }).click();
      const remove = page.getByRole('menuitem', { name: /Remove admin rights/ });
      await shows(t, () => remove.textContent(), /The only admin: make another one first/);
      await shows(t, () => remove.getAttribute('aria-disabled'), 'true');
      for (const name of [/Disable/, /Delete/]) {
        await shows(t, () => page.getByRole('menuitem', { name }).textContent(), /another admin can do it/);
      }
    },
  );

  await scene('deleting asks for the name and says what is lost', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Actions for carla' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    const remove = page.getByRole('button', { name: 'Delete for good' });
    await shows(t, () => remove.isDisabled(), true);
    await shows(t, () => page.getByRole('dialog').textContent(), /used again.*knot user export carla --to carla\.zip/s);
    await page.getByLabel('Type “carla” to go on').fill('carl');
    await shows(t, () => remove.isDisabled(), true);
    await page.getByLabel('Type “carla” to go on').fill('carla');
    await remove.click();
    await page.getByRole('row', { name: /carla/ }).waitFor({ state: 'detached' });
    t.match(gateway.changes, [/^DELETE .*u-2/]);
  });

  await scene('searching and filtering stand in the address', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('row', { name: /bela/ }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('jon');
    await page.waitForURL('**/admin/users?q=jon');
    await page.getByRole('row', { name: /bela/ }).waitFor({ state: 'detached' });
    await shows(t, () => page.getByRole('searchbox').inputValue(), 'jon');
    await page.getByRole('link', { name: /^Active/ }).click();
    await page.getByText('Nobody matches').waitFor();
    await page.goBack();
    await page.getByRole('row', { name: /jonas/ }).waitFor();
  });

  await scene('an invitation is a link to copy, shown once', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await page.getByLabel('E-mail', { exact: true }).fill('mira@example.org');
    await page.getByRole('button', { name: 'Make the link' }).click();
    await page.getByText('https://localhost:8443/invite/').waitFor();
    // The hour, not just the day.
    await shows(t, () => page.getByText('It works once, until').textContent(), /\d{4} at \d/);
    await shows(t, () => page.getByRole('button', { name: 'Copy' }).isVisible(), true);
    await page.getByRole('button', { name: 'Done' }).click();
    t.equal(await page.getByText('https://localhost:8443/invite/').count(), 0);
    t.match(gateway.changes, [/POST .*invitations \{"email":"mira@example.org"\}/]);
  });

  await scene('a form says all that is wrong at its fields, and nothing twice', async (t, { page, gateway }) => {
    const problems = (...fields: string[]) => ({
      code: 'KNOT_ACCOUNTS_INPUT',
      message: 'Several.',
      details: { problems: fields.map((field) => ({ field, message: `The ${field} is not good` })) },
    });
    await page.goto(`${gateway.origin}/admin/teams`);
    await page.getByRole('button', { name: 'New team' }).first().click();
    gateway.refuse('/teams', 400, problems('title', 'name'));
    await page.getByRole('button', { name: 'Make the team' }).click();
    await page.getByText('The title is not good.').waitFor();
    await shows(t, () => page.getByLabel('Title', { exact: true }).getAttribute('aria-invalid'), 'true');
    await shows(t, () => page.getByLabel('Name', { exact: true }).getAttribute('aria-invalid'), 'true');
    t.equal(await page.getByText('Several.').count(), 0);
    gateway.clearRefusals();
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    gateway.refuse('/users', 400, problems('email', 'username'));
    await page.getByLabel('Username').fill('Not A Name');
    await page.getByLabel('E-mail', { exact: true }).fill('nonsense');
    await page.getByRole('button', { name: 'Make the link' }).click();
    await page.getByText('The username is not good.').waitFor();
    await shows(t, () => page.getByText('The email is not good.').isVisible(), true);
    await shows(t, () => page.getByLabel('Username').inputValue(), 'Not A Name', 'what was typed stays');
    gateway.clearRefusals();
    await page.goto(`${gateway.origin}/account`);
    await page.getByText('At least 10 characters').waitFor();
  });

  await scene('a refusal is said where it happened', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/account`);
    await page.getByLabel('Current password').fill('wrong');
    await page.getByLabel('New password').fill('some new words here');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByRole('alert').getByText('The current password is not right.').waitFor();
    await shows(t, () => page.getByLabel('New password').inputValue(), 'some new words here', 'what was typed stays');
  });

  await scene('keyboard alone reaches every page', async (t, { page, gateway }) => {
    await page.goto(gateway.origin);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('audit');
    await page.getByRole('option', { name: 'Audit', selected: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/audit');
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.waitForURL(`${gateway.origin}/`);
    t.pass('there and back');
  });

  await scene('a chosen theme stays after a reload', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/account`);
    const canvas = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    await page.getByRole('heading', { level: 1 }).waitFor();
    const light = await canvas();
    await page.getByText('Dark', { exact: true }).last().click();
    const dark = await canvas();
    t.not(dark, light);
    await page.reload();
    t.equal(await canvas(), dark);
  });

  await scene('a change fetches what shows it anew, and nothing else', async (t, { page, gateway, goTo }) => {
    const paths = () => gateway.questions.map((question) => question.split('?')[0]!).sort();
    const asked = async (wanted: string[], change: () => void): Promise<void> => {
      gateway.questions.length = 0;
      change();
      await eventually('the questions are asked', () => paths().length >= wanted.length);
      t.strictSame(paths(), wanted);
    };
    await goTo('/');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await asked(['/tiles'], () => gateway.announce({ topic: 'tiles', id: 'echo' }));
    // A new title comes with the message; it holds until something else of the tile changes.
    await asked([], () => gateway.announce({ topic: 'tiles', id: 'echo', title: 'Parrot' }));
    await page.getByRole('heading', { level: 3, name: 'Parrot' }).waitFor();
    t.notOk(gateway.questions.includes('/tiles'));
    await asked(['/tiles'], () => gateway.announce({ topic: 'tiles', id: 'echo' }));
    await page.getByRole('heading', { level: 3, name: 'Echo' }).waitFor();
    await goTo('/admin/teams');
    await page.getByRole('row', { name: /Genomics group/ }).waitFor();
    // Two hundred services that start and stop meanwhile: none of them is shown here.
    gateway.questions.length = 0;
    for (let n = 0; n < 200; n++) gateway.announce({ topic: 'tiles', id: `service-${n}` }, 'audit');
    gateway.announce({ topic: 'health' });
    await eventually('the frame asks for what it shows', () => paths().includes('/health'));
    t.strictSame(paths(), ['/health']);
    // Many changes of one topic: what follows the first ones is fetched together, after a pause.
    gateway.questions.length = 0;
    for (let n = 0; n < 50; n++) gateway.announce({ topic: 'teams', id: `t-${n}` });
    gateway.data.me.user.username = 'annette';
    gateway.announce({ topic: 'users', id: gateway.data.me.user.id });
    await eventually('the last of them is heard', () => ['/me', '/teams'].every((path) => paths().includes(path)));
    t.ok(paths().filter((path) => path === '/teams').length <= 2, paths().join(' '));
    await page.getByRole('button', { name: /annette/ }).waitFor();
  });

  await scene('a lost connection is said quietly and heals by itself', async (t, { page, gateway, goTo }) => {
    await goTo('/');
    await page.getByRole('heading', { level: 1 }).waitFor();
    gateway.refuse('/events', 503);
    gateway.refuse('/me', 503);
    gateway.dropStreams();
    await page.getByText('Reconnecting…').waitFor();
    await shows(t, () => page.getByText('Echo').first().isVisible(), true, 'what was shown stays');
    gateway.data.tiles.find(({ name }) => name === 'echo')!.title = 'Echo again';
    gateway.clearRefusals();
    await page.getByText('Reconnecting…').waitFor({ state: 'detached' });
    await page.getByText('Echo again').first().waitFor();
  });

  await scene(
    'a click while Knot is away keeps the page, and the other one opens when it is back',
    async (t, { page, gateway }) => {
      await page.goto(`${gateway.origin}/admin/users`);
      await page.getByRole('row', { name: /bela/ }).waitFor();
      // The code of every page is fetched while there is time.
      const isFetched = `performance.getEntriesByName('knot-code-fetched').length > 0`;
      // Asked from outside: what waits inside the page would be evaluated there, which its policy forbids (CSP3 "unsafe-eval").
      await eventually('the code is fetched', () => page.evaluate<boolean>(isFetched));
      await page.context().setOffline(true);
      await page.getByRole('link', { name: 'Audit', exact: true }).click();
      await page.getByText('Cannot open Audit while Knot is not reachable; it opens when it is back.').waitFor();
      await shows(t, () => page.getByRole('row', { name: /bela/ }).isVisible(), true, 'the page stays');
      t.match(page.url(), /\/admin\/users$/, 'and so does its address');
      await page.getByRole('link', { name: 'Teams', exact: true }).click();
      await page.getByText('Cannot open Teams while').waitFor();
      t.equal(await page.getByText('made a mistake').count(), 0);
      await page.context().setOffline(false);
      await page.getByRole('heading', { level: 1, name: 'Teams' }).waitFor();
      t.match(page.url(), /\/admin\/teams$/, 'the last one that was asked for');
      await page.getByText('Cannot open').waitFor({ state: 'detached' });
    },
  );

  // A press asks for the page before the click does: a hand is slower than a network that is not there.
  await scene('a slow click while Knot is away opens the page all the same', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('row', { name: /bela/ }).waitFor();
    const isFetched = `performance.getEntriesByName('knot-code-fetched').length > 0`;
    await eventually('the code is fetched', () => page.evaluate<boolean>(isFetched));
    await page.context().setOffline(true);
    await page.getByRole('link', { name: 'Audit', exact: true }).hover();
    const isRefused = page.waitForEvent('requestfailed');
    await page.mouse.down();
    await isRefused;
    await page.mouse.up();
    await page.getByText('Cannot open Audit while Knot is not reachable').waitFor();
    await page.context().setOffline(false);
    await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
    t.match(page.url(), /\/admin\/audit$/);
  });

  await scene('data that cannot be asked for anew stays as it is', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('row', { name: /bela/ }).waitFor();
    await page.context().setOffline(true);
    await page
      .getByRole('row', { name: /dmitri/ })
      .getByRole('button', { name: 'Approve' })
      .click();
    await page.getByText('Knot cannot be reached just now').waitFor();
    await shows(t, () => page.getByRole('row', { name: /bela/ }).isVisible(), true);
  });

  await scene('a session that ended leads to sign-in and back', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('row', { name: /bela/ }).waitFor();
    gateway.signOut();
    await page.getByRole('link', { name: 'Teams', exact: true }).click();
    await page.waitForURL('**/login?next=*');
    t.match(decodeURIComponent(page.url()), /next=\/admin\/teams$/);
  });

  await scene('home stays within its budget of script', async (t, { page, gateway }) => {
    await page.goto(gateway.origin);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const isBegun = `performance.getEntriesByName('knot-code-wanted').length > 0`;
    await eventually('the code of other pages is asked for', () => page.evaluate<boolean>(isBegun));
    // What the page needed itself: all that was asked for before the code of other pages was (Resource Timing).
    const total = await page.evaluate<number>(`performance.getEntriesByType('resource')
      .filter(({ name, startTime }) => name.endsWith('.js') && startTime < performance.getEntriesByName('knot-code-wanted')[0].startTime)
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`);
    t.ok(total > 20_000, 'scripts were counted');
    t.ok(total <= 150_000, `${total} bytes of compressed script`);
  });

  await scene('signing out posts a form', async (t, { page, gateway }) => {
    await page.goto(gateway.origin);
    await page.getByRole('button', { name: /ann/ }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/login');
    await page.goto(gateway.origin);
    t.match(page.url(), /\/login\?next=%2F$/);
  });
});
