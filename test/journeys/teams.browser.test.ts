import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as send } from 'node:https';
import type { Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors, type Visitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { caOf } from '../support/process/gateway.ts';
import { shows } from '../support/dashboard/shows.ts';

/** A team from its making to the last manager who leaves: nobody signs in as a team, and what it has comes and goes with being in it. */

const file = (visitors: Visitors, who: string, name: string, size: number) =>
  visitors.person(who).then((person) =>
    person.request('PUT', `/api/v1/files/team:physics/${name}`, {
      headers: { origin: visitors.gateway.origin, 'sec-fetch-site': 'same-origin' },
      body: Buffer.alloc(size) as never,
    }),
  );

/** Asks without reading or writing to the end; says when the line is cut. */
async function transfer({ gateway, person }: Visitors, who: string, method: 'GET' | 'PUT', path: string) {
  const cookies = (await person(who)).cookies('localhost');
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = { cookie, origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
  const asked: ClientRequest = send(`${gateway.origin}${path}`, { method, headers, ca: caOf(gateway) });
  let hasEnded = false;
  const ends = (): void => void (hasEnded = true);
  asked.on('error', ends).on('close', ends);
  if (method === 'PUT') asked.write('the beginning');
  else {
    const answer = await new Promise<IncomingMessage>((resolve) => asked.once('response', resolve).end());
    t.equal(answer.statusCode, 200);
    answer.on('aborted', ends).on('error', ends);
    asked.once('close', ends);
    return { hasEnded: () => (answer.resume(), hasEnded) };
  }
  return { hasEnded: () => hasEnded };
}

const menu = async (page: Page, of: string, item: string | RegExp): Promise<void> => {
  await page.getByRole('button', { name: `Actions for ${of}` }).click();
  await page.getByRole('menuitem', { name: item }).click();
};

t.test('a team is made, joined, worked in and left', { skip: browserSkipReason() }, async (t) => {
  const visitors = await openVisitors(t, {
    others: ['max', 'mia', 'bob'],
    config: { plans: [{ name: 'small', title: 'Small', storage: '100 KB' }] },
  });
  const { gateway, open } = visitors;
  const { page: ann } = await open('ann');
  const { page: max, complaints: ofMax } = await open('max', { width: 390 });
  const { page: mia, complaints: ofMia } = await open('mia');

  await t.test('an admin makes it and names who manages it', async (t) => {
    await ann.goto(`${gateway.origin}/admin/teams#new`);
    await ann.getByRole('textbox', { name: 'Title' }).fill('Physics');
    await ann.getByRole('button', { name: 'Make the team' }).click();
    await ann.getByRole('heading', { level: 1, name: 'Physics' }).waitFor();
    await ann.getByRole('button', { name: 'Add a member' }).click();
    const offered = ann.getByRole('dialog').getByRole('button', { name: /^Add / });
    await ann.getByRole('button', { name: 'Add mia' }).waitFor();
    const answer = Promise.withResolvers<void>();
    let times = 0;
    await ann.route(/[?&]q=max/, (route) => ((times += 1), answer.promise.then(() => route.continue())));
    await ann.getByRole('dialog').getByRole('searchbox').fill('max');
    await ann.getByText('Looking…').waitFor();
    t.equal(await offered.count(), 0, 'nobody is offered for what is typed no more: rows would move under the pointer');
    answer.resolve();
    await ann.getByRole('button', { name: 'Add max' }).click();
    await ann.getByText('max is in Physics now.').waitFor();
    await ann.getByRole('dialog').getByText('Added', { exact: true }).waitFor();
    t.equal(await offered.count(), 0, 'who was added keeps the row, so that no other is pressed in its place');
    await ann.getByRole('button', { name: 'Done' }).click();
    await menu(ann, 'max in Physics', 'Make a manager');
    await ann.getByText('max manages Physics now.').waitFor();
    t.equal(times, 1, 'what was found is not looked for anew because the team has changed');
    await ann.getByRole('button', { name: 'Add a member' }).click();
    await ann.getByRole('button', { name: 'Add mia' }).waitFor();
    t.equal(await ann.getByRole('button', { name: 'Add max' }).count(), 0, 'who is in it is not offered again');
    const json = { statusCode: 500, code: 'KNOT_INTERNAL', message: 'It broke.' };
    await ann.route(/[?&]q=broken/, (route) => route.fulfill({ status: 500, json }));
    await ann.getByRole('dialog').getByRole('searchbox').fill('broken');
    await ann.getByRole('dialog').getByText('It broke.').waitFor();
    t.equal(await ann.getByText('Looking…').count(), 0, 'what failed is not under way');
    await ann.getByRole('button', { name: 'Done' }).click();
    t.same(await violationsOn(ann), []);
  });

  await t.test('a manager takes people in by name, on a phone', async (t) => {
    await mia.goto(`${gateway.origin}/files`);
    t.equal(await mia.getByText('Physics').count(), 0);
    await max.goto(`${gateway.origin}/`);
    await max.getByRole('navigation', { name: 'Main, short' }).getByRole('button', { name: 'More' }).click();
    await max.getByRole('dialog', { name: 'Go to' }).getByRole('link', { name: 'My teams' }).click();
    await max.getByRole('link', { name: 'Physics' }).click();
    await max.getByRole('button', { name: 'Add a member' }).click();
    const search = max.getByRole('dialog').getByRole('searchbox');
    await search.fill('mi');
    await max.getByText('Type a whole name, or its first 3 letters.').waitFor();
    await search.fill('mia');
    await max.getByRole('button', { name: 'Add mia' }).click();
    const notice = await max.getByText('mia is in Physics now.').boundingBox();
    const list = await max.getByRole('dialog').boundingBox();
    t.ok(notice && list && notice.y + notice.height <= list.y, 'a notice covers nothing of what is pressed next');
    await search.fill('ma');
    await search.fill('max');
    await max.getByText('Nobody else matches.').waitFor();
    await max.getByRole('button', { name: 'Done' }).click();
    await max.getByText('mia', { exact: true }).waitFor();
    t.same(await violationsOn(max), []);
    t.match(await file(visitors, 'max', 'ours', 1_000), { status: 201 });
  });

  await t.test('whoever is taken in has its files at once, and sees who else is in it', async (t) => {
    await mia.getByText('Physics').first().waitFor();
    await mia.getByRole('link', { name: 'My teams' }).click();
    // The Files page has a link of this name as well.
    await mia.getByRole('heading', { level: 1, name: 'My teams' }).waitFor();
    await mia.getByRole('link', { name: 'Physics' }).click();
    await mia.getByText('max').first().waitFor();
    t.equal(
      await mia.getByRole('button', { name: 'Actions for max in Physics' }).count(),
      0,
      'a member changes nobody',
    );
    t.equal(await mia.getByRole('button', { name: 'Add a member' }).count(), 0);
    t.same(await violationsOn(mia), []);
    await mia.getByRole('link', { name: 'Files', exact: true }).last().click();
    await mia.getByText('/files/team/physics').waitFor();
    await shows(t, () => mia.getByText(/keeps the folder of the team until its server is stopped/).isVisible(), true);
    await mia.getByRole('link', { name: 'Open the files' }).click();
    await mia.getByRole('link', { name: 'ours' }).waitFor();
  });

  await t.test('a plan below what is used is told in plain words; nothing is lost, nothing more fits', async (t) => {
    t.match(await file(visitors, 'max', 'large', 300_000), { status: 201 });
    await ann.goto(`${gateway.origin}/admin/plans`);
    await menu(ann, 'Physics', 'Give a plan');
    await ann.getByLabel('Plan', { exact: true }).selectOption('small');
    await ann.getByText('Already over it: physics').waitFor();
    await ann.getByRole('button', { name: 'Give', exact: true }).click();
    await ann.getByText('physics has the plan “small” now.').waitFor();
    await ann.getByRole('link', { name: 'Over their plan 1' }).click();
    await shows(t, () => ann.getByRole('row').nth(1).textContent(), /Physics/);
    t.same(await violationsOn(ann), []);
    await mia.goto(`${gateway.origin}/teams/physics/plan`);
    await mia.getByText(/nothing is lost, and nothing more fits/).waitFor();
    t.match(await file(visitors, 'max', 'more', 1), { status: 507 });
    await ann.getByRole('button', { name: 'Undo' }).click();
    // Services had no limit before: why a plan is in force is what changes.
    await mia.getByText('nothing is limited').waitFor();
    await mia.getByText('no limit', { exact: true }).first().waitFor();
    t.match(await file(visitors, 'max', 'more', 1), { status: 201 });
  });

  await t.test('who leaves loses the files within seconds, with what is open of them', async (t) => {
    t.match(await file(visitors, 'max', 'big', 48 << 20), { status: 201 });
    const download = await transfer(visitors, 'mia', 'GET', '/api/v1/files/team:physics/big');
    const upload = await transfer(visitors, 'mia', 'PUT', '/api/v1/files/team:physics/half');
    await max.goto(`${gateway.origin}/teams/physics/members`);
    await mia.goto(`${gateway.origin}/teams/physics/members`);
    await menu(mia, 'Physics', 'Leave the team…');
    await mia.getByText(/Only a manager of the team or an admin can take you in again/).waitFor();
    await mia.getByLabel('Type “physics” to go on').fill('physics');
    t.same(await violationsOn(mia), []);
    await mia.getByRole('button', { name: 'Leave the team', exact: true }).click();
    await mia.getByText('You are no longer in Physics.').waitFor();
    await eventually('both are cut', () => download.hasEnded() && upload.hasEnded());
    t.equal(await mia.getByRole('link', { name: 'My teams' }).count(), 0, 'who is in no team has no such section');
    t.match(await (await visitors.person('mia')).api('GET', '/files/team:physics'), { status: 403 });
    await max.getByText('1 member, 1 manager').waitFor();
  });

  await t.test(
    'the last manager is told what it means, and a manager takes somebody out with a way back',
    async (t) => {
      const person = await visitors.person('max');
      const { id } = (await person.api('GET', '/teams/physics')).json<{ id: string }>();
      await person.api('PUT', `/teams/${id}/members/bob`, { role: 'member' });
      await menu(max, 'bob in Physics', 'Remove from the team');
      await max.getByText('bob is no longer in Physics.').waitFor();
      await max.getByRole('button', { name: 'Undo' }).click();
      await max.getByText('Undone: bob is a member of Physics.').waitFor();
      await menu(max, 'Physics', 'Leave the team…');
      await max.getByText(/You are the last manager of Physics/).waitFor();
      t.same(await violationsOn(max), []);
      await max.getByRole('button', { name: 'Stay' }).click();
    },
  );

  // Told of the change while still on the page of the team, a page may ask for it once more.
  t.same(
    [...ofMax, ...ofMia].filter((complaint) => !complaint.includes('status of 404')),
    [],
  );
});
