import t from 'tap';
import { Agent, request } from 'undici';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { caOf } from '../support/process/gateway.ts';
import { shows } from '../support/dashboard/shows.ts';

/** A program that acts for somebody: by a token of theirs, or let in from a terminal. */

t.test('tokens and terminals', { skip: browserSkipReason() }, async (t) => {
  const visitors = await openVisitors(t, { others: ['bob'] });
  const { gateway, open } = visitors;
  const agent = new Agent({ connect: { ca: caOf(gateway) } });
  t.teardown(() => agent.close());
  const withToken = async (secret: string, path: string, method: 'GET' | 'POST' = 'GET') => {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const answer = await request(`${gateway.origin}/api/v1${path}`, {
      method,
      headers,
      dispatcher: agent,
      body: method === 'POST' ? '{}' : null,
    });
    await answer.body.dump();
    return answer.statusCode;
  };
  const { page, complaints } = await open('bob');
  const { page: phone } = await open('bob', { width: 390 });

  await t.test('a token is made for what was chosen, shown once, used, seen to be used and revoked', async (t) => {
    await page.goto(`${gateway.origin}/account`);
    await page.getByRole('link', { name: 'Tokens' }).first().click();
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByLabel('Name').fill('nightly backup');
    await page.getByLabel('Files', { exact: true }).selectOption('write');
    await page.getByLabel('Every area').uncheck();
    await page.getByLabel('Private', { exact: true }).check();
    await page.getByText('Read and change my private files; know who I am, my teams and tools.').waitFor();
    t.same(await violationsOn(page), []);
    await page.getByRole('button', { name: 'Make the token' }).click();
    const secret = await page.getByText(/^knot_pat_\w+$/).textContent();
    t.match(
      await page.getByText(/^curl /).textContent(),
      new RegExp(`Bearer ${secret}" ${gateway.origin}/api/v1/areas`),
    );
    await shows(t, () => page.getByText(`knot login ${gateway.origin}`).isVisible(), true);
    t.same(await violationsOn(page), []);
    await page.getByRole('button', { name: 'Done' }).click();
    t.equal(await page.getByText(secret!).count(), 0, 'it is not shown again');

    t.equal(await withToken(secret!, '/files/private'), 200);
    t.equal(await withToken(secret!, '/files/shared'), 403, 'another area');
    t.equal(await withToken(secret!, '/tokens', 'POST'), 403, 'a token makes none');
    await phone.goto(`${gateway.origin}/account/tokens`);
    await phone.getByText(/from 127\.0\.0\.1/).waitFor();
    t.same(await violationsOn(phone), []);

    await phone.getByRole('button', { name: 'Actions for nightly backup' }).click();
    await phone.getByRole('menuitem', { name: 'Revoke…' }).click();
    await phone.getByText(/The same one cannot be made again/).waitFor();
    await phone.getByLabel('Type “nightly backup” to go on').fill('nightly backup');
    await phone.getByRole('button', { name: 'Revoke', exact: true }).click();
    await phone.getByText('The token “nightly backup” is dead.').waitFor();
    t.equal(await withToken(secret!, '/files/private'), 401);
  });

  await t.test('a token that is in use and ends within a week is told of', async (t) => {
    const bob = await visitors.person('bob');
    const made = await bob.api('POST', '/tokens', { name: 'mirror', scopes: ['account:read'], days: 2 });
    t.equal(await withToken(made.json<{ secret: string }>().secret, '/me'), 200);
    await page.goto(`${gateway.origin}/`);
    await page.getByRole('button', { name: /^Notices, 1 new/ }).click();
    await page.getByText('The token “mirror” ends soon.').waitFor();
    await page.getByRole('group', { name: 'Notices' }).getByRole('link', { name: 'Tokens' }).click();
    await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor();
  });

  await t.test('a terminal is let in by its code, and a wrong, refused or used code is told', async (t) => {
    const ask = async () => {
      const answer = await request(`${gateway.origin}/oidc/device/auth`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'knot-cli/0.1 linux' },
        body: 'client_id=knot-cli&scope=openid+offline_access',
        dispatcher: agent,
      });
      return (await answer.body.json()) as {
        user_code: string;
        verification_uri: string;
        verification_uri_complete: string;
      };
    };
    const first = await ask();
    await page.goto(first.verification_uri);
    await page.getByLabel('Code').fill('BBBB-BBBB');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('There is no such code.').waitFor();
    t.same(await violationsOn(page), []);
    await page.getByLabel('Code').fill(first.user_code.toLowerCase());
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: /Let .* in\?/ }).waitFor();
    await shows(t, () => page.getByText('127.0.0.1').isVisible(), true, 'who asks, from where');
    await shows(t, () => page.getByText(first.user_code).isVisible(), true);
    t.same(await violationsOn(page), []);
    await page.getByRole('button', { name: 'Do not allow' }).click();
    await page.getByText('Nothing was allowed.').waitFor();

    const second = await ask();
    await phone.goto(second.verification_uri_complete);
    // A code that came by a link is shown, not taken: the person compares it.
    if (await phone.getByRole('button', { name: 'Continue' }).isVisible())
      await phone.getByRole('button', { name: 'Continue' }).click();
    await phone.getByRole('button', { name: 'Allow', exact: true }).waitFor();
    await shows(t, () => phone.getByText(second.user_code).isVisible(), true);
    t.same(await violationsOn(phone), []);
    await phone.getByRole('button', { name: 'Allow', exact: true }).click();
    await phone.getByRole('heading', { name: 'Your terminal is signed in' }).waitFor();
    t.same(await violationsOn(phone), []);
    await phone.goto(second.verification_uri);
    await phone.getByLabel('Code').fill(second.user_code);
    await phone.getByRole('button', { name: 'Continue' }).click();
    await phone.getByText('This code has been used.').waitFor();
  });

  t.same(
    complaints.filter((complaint) => !/status of 400/.test(complaint)),
    [],
  );
});
