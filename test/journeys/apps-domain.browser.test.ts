import t from 'tap';
import { browserSkipReason, launchBrowser } from '../support/dashboard/browser.ts';
import { startByteRecorder } from '../support/net/byte-recorder.ts';
import { openPeople } from '../support/process/people.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { mirrorTemplate } from './mirror-service.ts';
import { shows } from '../support/dashboard/shows.ts';

/** What `appsDomain` is for: to a browser the page of a service is another site than Knot. */

const password = 'correct-horse-staple-7';
const skip = servicesSkipReason() || browserSkipReason();

t.test('a service of another site than Knot, in a browser', { skip }, async (t) => {
  const recorder = await startByteRecorder();
  const { gateway, ann, atEnd } = await openPeople(t, {
    config: {
      domain: 'knot.test',
      appsDomain: 'apps.test',
      apps: [{ name: 'echo', upstream: `http://127.0.0.1:${recorder.port}` }],
      services: { templates: [mirrorTemplate(t)] },
    },
  });
  atEnd(async () => recorder.close());
  const browser = await launchBrowser(['--ignore-certificate-errors', '--host-resolver-rules=MAP *.test 127.0.0.1']);
  atEnd(() => browser.close());
  const { id } = await launch(ann, { template: 'mirror', name: 'lab' });
  const { url } = await becomes(ann, id, 'ready');
  const open = async () => {
    const page = await (await browser.newContext()).newPage();
    return page;
  };
  const page = await open();

  await t.test('who opens it signs in on the other site and lands on the deep link', async (t) => {
    await page.goto(`${url}deep/er?x=1#part`);
    await page.waitForURL(`${gateway.origin}/login**`);
    await page.fill('[name=username]', 'ann');
    await page.fill('[name=password]', password);
    await page.click('button[type=submit]');
    await page.waitForURL(`${url}deep/er?x=1#part`);
    await shows(t, () => page.textContent('body'), /"x-knot-user":"ann"/);
  });

  await t.test('its page sets no cookie of Knot, and its requests to Knot bring none', async (t) => {
    for (const domain of ['knot.test', 'test'])
      await page.evaluate(`document.cookie = 'tossed=1; Domain=${domain}; Path=/'`);
    const cookies = await page.context().cookies(gateway.origin);
    t.ok(
      cookies.some(({ name }) => name.startsWith('__Host-knot')),
      'the person is signed in there',
    );
    t.notOk(cookies.some(({ name }) => name === 'tossed'));

    // Signed in at a tool as well: what it is asked with that sign-in reaches its program.
    const tool = `https://echo.knot.test:${gateway.port}/`;
    await page.goto(tool);
    const askFrom = async (address: string, path: string): Promise<void> => {
      await page.goto(address);
      await page.evaluate(
        (to) => fetch(to, { credentials: 'include', mode: 'no-cors' }).then(() => undefined),
        tool + path,
      );
    };
    await askFrom(url, 'from-service');
    await askFrom(`${gateway.origin}/.well-known/jwks.json`, 'from-knot');
    const reached = recorder.requests.map(({ target }) => target);
    t.ok(reached.includes('/from-knot'), 'neighbour: a page of the same site brings it');
    t.notOk(reached.includes('/from-service'));
  });

  await t.test('a link for one browser is taken there and leads to the service', async (t) => {
    const body = { with: 'guest', right: 'view', days: 1, bindsBrowser: true };
    const link = (await ann.api('POST', `/services/${id}/shares`, body)).json<{ url: string }>().url;
    const guest = await open();
    await guest.goto(link);
    await guest.getByRole('button', { name: 'Open here' }).click();
    await guest.waitForURL(url);
    await shows(t, () => guest.textContent('body'), /"x-knot-user":"guest"/);
  });
});
