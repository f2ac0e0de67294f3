import t from 'tap';
import { browserSkipReason } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';

/** The Files page on a running gateway. */
t.setTimeout(300_000);

t.test('what somebody put into an area is on its page', { skip: browserSkipReason() }, async (t) => {
  const { gateway, open, person } = await openVisitors(t, { others: ['bob'] });
  const bob = await person('bob');
  const put = (path: string, body: string) =>
    bob.request('PUT', `/api/v1/files/${path}`, {
      headers: { origin: gateway.origin, 'sec-fetch-site': 'same-origin' },
      body,
    });
  t.equal((await bob.api('POST', '/files/private/run%207?op=mkdir', {})).status, 201);
  t.equal((await put('private/run%207/a%20%26%20b%231.txt', 'hello')).status, 201);

  for (const width of [1440, 390]) {
    const { page, complaints } = await open('bob', { width });
    await page.goto(`${gateway.origin}/files`);
    await page
      .getByRole('link', { name: /Private|My files|bob/i })
      .first()
      .click();
    await page.getByRole('link', { name: 'run 7' }).click();
    await page.getByRole('link', { name: 'a & b#1.txt' }).waitFor();
    t.same(complaints, []);
  }
});
