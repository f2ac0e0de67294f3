import t from 'tap';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { openScenes } from './scene.ts';
import { shows } from '../support/dashboard/shows.ts';

t.test('the one list, the page of one thing', { skip: browserSkipReason() }, async (t) => {
  const scene = await openScenes(t);

  await scene('headers sort, in the address, and back takes it back', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users`);
    const first = () => page.getByRole('row').nth(1).textContent();
    const header = page.getByRole('columnheader', { name: 'Person' });
    await page.getByRole('row', { name: /bela/ }).waitFor();
    t.match(await first(), /dmitri/, 'who waits comes first');
    await shows(t, () => header.getAttribute('aria-sort'), 'none');
    await header.getByRole('link').click();
    await page.waitForURL('**/admin/users?sort=name');
    await page.getByRole('row').nth(1).getByText('ann', { exact: true }).waitFor();
    await shows(t, () => header.getAttribute('aria-sort'), 'ascending');
    await header.getByRole('link').click();
    await page.getByRole('row').nth(1).getByText('zofia', { exact: true }).waitFor();
    await shows(t, () => header.getAttribute('aria-sort'), 'descending');
    await page.getByRole('link', { name: 'Page 2' }).click();
    await page.waitForURL('**/admin/users?sort=-name&page=2');
    await page.getByText('21–26 of 26 people').waitFor();
    await page.goBack();
    await page.getByText('1–20 of 26 people').waitFor();
    await page.getByRole('columnheader', { name: 'Last sign-in' }).getByRole('link').click();
    await page.waitForURL('**/admin/users?sort=-lastSignInAt');
    t.match(await first(), /ann/, 'times begin with the newest, and the list at its first page');
  });

  await scene(
    'a filter, an order or a page that is chosen while a search is typed or on its way loses neither',
    async (_, { page, gateway }) => {
      await page.goto(`${gateway.origin}/admin/users?page=2`);
      await page.getByText('21–26 of 26 people').waitFor();
      const chips = page.getByRole('navigation', { name: 'Filters' });
      // Typed and not asked for yet: leaving the field asks.
      await page.getByRole('searchbox').fill('ma');
      await chips.getByRole('link', { name: 'Active' }).click();
      await page.waitForURL('**/admin/users?q=ma&state=active');
      const held = Promise.withResolvers<undefined>();
      await page.route('**/api/v1/users?*', async (route) => {
        await held.promise;
        await route.continue();
      });
      const isAsked = page.waitForRequest(/q=m&/);
      await page.getByRole('searchbox').fill('m');
      await isAsked;
      await page.getByRole('columnheader', { name: 'Person' }).getByRole('link').click();
      await chips.getByRole('link', { name: 'All' }).click();
      held.resolve(undefined);
      await page.waitForURL('**/admin/users?q=m&sort=name');
      await page.unrouteAll({ behavior: 'wait' });
    },
  );

  await scene('the counts of the filters follow the search', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users?q=ma`);
    const chips = page.getByRole('navigation', { name: 'Filters' });
    await chips.getByRole('link', { name: 'All 3' }).waitFor();
    await shows(t, () => chips.getByRole('link', { name: 'Waiting 2' }).isVisible(), true);
    await shows(t, () => chips.getByRole('link', { name: 'Active 1' }).isVisible(), true);
    await page.goto(`${gateway.origin}/admin/users?state=nonsense&page=x&sort=passwordHash`);
    await page.getByText('1–20 of 26 people').waitFor();
    t.equal(await page.getByText('could not be shown').count(), 0, 'what an address does not mean is left out');
  });

  await scene(
    'many are approved at once: each counted, a failure told by name, undone together',
    async (t, { page, gateway }) => {
      await page.goto(`${gateway.origin}/admin/users?state=pending`);
      await page.getByLabel('Choose all on this page').check();
      await page.getByText('3 people chosen').waitFor();
      await page.getByRole('button', { name: 'Approve 3' }).click();
      await page.getByText('3 people can sign in now.').waitFor();
      t.equal(gateway.data.users.filter(({ state }) => state === 'pending').length, 0);
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('Undone for 3 rows.').waitFor();
      t.equal(gateway.data.users.filter(({ state }) => state === 'pending').length, 3);
      await page.getByLabel('Choose all on this page').check();
      await page.getByRole('button', { name: 'Approve 3' }).click();
      await page.getByText('3 people can sign in now.').waitFor();
      await page.reload();
      await page.getByRole('button', { name: /^Notices/ }).click();
      await page.getByRole('group', { name: 'Notices' }).getByRole('button', { name: 'Undo', exact: true }).click();
      await page.getByRole('status').getByText('Undone for 3 rows.').waitFor();
      t.equal(gateway.data.users.filter(({ state }) => state === 'pending').length, 3, 'also after a reload');
      await page.keyboard.press('Escape');
      gateway.refuse('/users/u-12', 409, { code: 'KNOT_ACCOUNTS_NAME_TAKEN', message: 'The name "mateo" is taken.' });
      await page.getByLabel('Choose all on this page').check();
      await page.getByRole('button', { name: 'Approve 3' }).click();
      await page.getByText('2 people can sign in now.').waitFor();
      await page.getByText('Not done for 1 of 3. mateo: The name "mateo" is taken.').waitFor();
      t.equal(gateway.data.users[12]!.state, 'pending');
    },
  );

  await scene('an act is offered for those it fits, and never for oneself', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users?sort=name`);
    for (const name of ['ann', 'bela', 'dmitri', 'jonas']) await page.getByLabel(`Choose ${name}`).check();
    const bar = page.getByRole('group', { name: 'The list' });
    for (const name of ['Approve 1', 'Enable 1', 'Disable 1', 'Sign out everywhere 2']) {
      await shows(t, () => bar.getByRole('button', { name, exact: true }).isVisible(), true, name);
    }
    t.equal(await bar.getByRole('button', { name: /Delete/ }).count(), 0, 'what asks for the name is for one');
    await bar.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Choose bela').check();
    await page.getByLabel('Choose emeka').click({ modifiers: ['Shift'] });
    await page.getByText('4 people chosen').waitFor();
    await bar.getByRole('button', { name: 'Disable 3' }).click();
    await page.getByText(/bela, carla,? and emeka/).waitFor();
    await page.getByRole('button', { name: 'Disable 3' }).last().click();
    await page.getByText('3 people are disabled and signed out.').waitFor();
    t.equal(gateway.data.users[1]!.state, 'disabled');
  });

  await scene('the keyboard walks the rows, chooses and opens', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users?sort=name`);
    const row = (name: RegExp) => page.getByRole('row', { name });
    await row(/ann/).first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await shows(t, () => row(/bela/).getAttribute('aria-selected'), 'true');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Shift+Space');
    await page.getByText('2 people chosen').waitFor();
    await page.keyboard.press('End');
    t.equal(await page.evaluate<string>(`document.activeElement.querySelector('strong').textContent`), 'tomas');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/users/ann/overview');
    const heading = page.getByRole('heading', { level: 1, name: 'ann' });
    await heading.waitFor();
    t.equal(await page.evaluate<string>('document.activeElement.textContent'), 'ann', 'the name has the keyboard');
  });

  await scene('twenty people fit on a phone', async (t, { page, gateway }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    gateway.data.users[5]!.username = 'wolfeschlegelsteinhausenberger';
    await page.goto(`${gateway.origin}/admin/users`);
    await page.getByRole('row', { name: /bela/ }).waitFor();
    const height = await page.evaluate<number>('document.querySelector(".list").getBoundingClientRect().height');
    t.ok(height < 1700, `${height} px for 20 people, who took 3,480`);
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'a long name is wrapped');
    await page.getByLabel('Sort by').selectOption('-name');
    await page.waitForURL('**/admin/users?sort=-name');
    await page.getByRole('row', { name: /zofia/ }).waitFor();
  });

  await scene(
    'a person has a page: old addresses lead there, its parts have addresses',
    async (t, { page, gateway }) => {
      await page.goto(`${gateway.origin}/admin/users?user=u-1`);
      await page.waitForURL('**/admin/users/u-1/overview');
      await page.getByRole('heading', { level: 1, name: 'bela' }).waitFor();
      await page.goto(`${gateway.origin}/admin/users/bela`);
      await page.waitForURL('**/admin/users/*/overview');
      await page.getByRole('link', { name: 'Sessions' }).click();
      await page.waitForURL('**/admin/users/bela/sessions');
      await page.getByRole('button', { name: /Actions for Safari on iPhone/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.getByText('bela is signed out of Safari on iPhone.').waitFor();
      t.match(gateway.changes.at(-1), /DELETE .*\/users\/u-1\/sessions\/s-1/);
      await page.getByRole('link', { name: 'Access' }).click();
      await page.getByLabel('Add to a team').selectOption('fieldwork');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText('bela is in Field work 2027 now.').waitFor();
      await page.goBack();
      await page.waitForURL('**/admin/users/bela/sessions');
      await page.goto(`${gateway.origin}/admin/users/nobody/overview`);
      await page.getByText('There is no such user.').waitFor();
    },
  );

  await scene('who waits is opened by id, and let in from there', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/users?state=pending`);
    await page.getByRole('link', { name: 'dmitri' }).click();
    await page.waitForURL('**/admin/users/u-3/overview');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('dmitri can sign in now.').waitFor();
    await page.getByRole('button', { name: 'Make a reset link' }).waitFor();
    t.equal(gateway.data.users[3]!.state, 'active');
  });

  await scene('teams: proposed name, its own page, members by role', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/teams`);
    await page.getByRole('button', { name: 'New team' }).click();
    await page.getByLabel('Title', { exact: true }).fill('Ökologie & Klima');
    await shows(t, () => page.getByLabel('Name', { exact: true }).inputValue(), 'okologieklima');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/teams/okologieklima/members');
    await page.getByText('Nobody yet').waitFor();
    await page.getByRole('button', { name: 'Add a member' }).click();
    await page.getByRole('searchbox').last().fill('carla');
    await page.keyboard.press('Enter');
    await page.getByText('carla is in Ökologie & Klima now.').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: /Actions for carla/ }).click();
    await page.getByRole('menuitem', { name: 'Make a manager' }).click();
    await page.getByRole('link', { name: 'Managers 1' }).click();
    await page.waitForURL('**/teams/okologieklima/members?role=manager');
    await page.getByRole('row', { name: /carla/ }).waitFor();
  });

  await scene('the audit record: by or about, days, kinds with counts, as a file', async (t, { page, gateway }) => {
    await page.goto(`${gateway.origin}/admin/audit`);
    const chips = page.getByRole('navigation', { name: 'Filters' });
    await chips.getByRole('link', { name: 'Account approved 7' }).click();
    await page.waitForURL('**/admin/audit?action=user.approved');
    await page.getByText('7 records').waitFor();
    await shows(t, () => chips.getByRole('link', { name: 'Signed in 7' }).isVisible(), true, 'the others stay');
    await shows(t, () => page.getByRole('row').nth(1).textContent(), /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d/);
    await page.getByLabel('By or about: a name').fill('lena');
    await page.waitForURL('**/admin/audit?action=user.approved&person=lena');
    await page.getByLabel('From', { exact: true }).fill('2020-01-01');
    await page.getByLabel('to', { exact: true }).fill('2020-01-02');
    await page.waitForURL(/from=\d+&to=\d+/);
    await page.getByText('No such record').waitFor();
    const file = await page.getByRole('link', { name: 'Export CSV' }).getAttribute('href');
    t.match(file, /^\/api\/v1\/audit\.csv\?action=user\.approved&person=lena&from=\d+&to=\d+$/);
    const address = new URL(page.url()).searchParams;
    t.equal(Number(address.get('to')) - Number(address.get('from')), 2 * 86_400_000, 'both days are part of it');
  });
});
