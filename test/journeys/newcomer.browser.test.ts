import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import t from 'tap';
import { browserSkipReason, launchBrowser, violationsOn } from '../support/dashboard/browser.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { testCache } from '../support/process/test-cache.ts';

/** The newcomer's way from `npm start` to a result in a notebook, an approved second person and an edited policy. */

const skip = browserSkipReason();
const looks = [
  { name: 'a desktop', width: 1440, height: 900, admin: 'ann', person: 'bob' },
  { name: 'a phone', width: 390, height: 844, admin: 'eve', person: 'dan' },
];
const password = 'correct-horse-staple-7';

t.test('the way of a newcomer, on a desktop and on a phone', { skip }, async (t) => {
  const gateway = await startGateway({
    config: {
      integrations: { jupyterhub: { mode: 'managed', pythonEnvironment: join(testCache, 'jupyterhub-venv') } },
    },
  });
  t.teardown(() => gateway.stop());
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const hub = `https://jupyterhub.localhost:${gateway.port}`;
  const [desktop, phone] = looks.map(({ width, height }) => ({
    async open(): Promise<{ context: BrowserContext; page: Page }> {
      const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        viewport: { width, height },
        hasTouch: width < 500,
        isMobile: width < 500,
      });
      const page = await context.newPage();
      return { context, page };
    },
  }));
  const admins = { ann: await desktop!.open(), eve: await phone!.open() };

  const check = async (page: Page, what: string): Promise<void> => {
    t.strictSame(await violationsOn(page), [], `${what} is accessible`);
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    t.equal(overflow, 0, `${what} does not scroll sideways`);
  };
  const signIn = async (page: Page, username: string): Promise<void> => {
    await page.goto(`${gateway.origin}/login`);
    await check(page, 'the sign-in page');
    await page.fill('input[name=username]', username);
    await page.fill('input[name=password]', password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { name: new RegExp(username) }).waitFor();
  };

  await t.test(
    'the setup link makes the first admin, and Home shows the notebooks being prepared, then ready',
    async (t) => {
      const { ann, eve } = admins;
      await eve.page.goto(gateway.setupLink!);
      await check(eve.page, 'the setup page on a phone');
      await ann.page.goto(gateway.setupLink!);
      await check(ann.page, 'the setup page');
      await ann.page.fill('input[name=username]', 'ann');
      await ann.page.fill('input[name=email]', 'ann@example.org');
      await ann.page.fill('input[name=password]', password);
      await ann.page.getByRole('button', { name: /admin/i }).click();
      await ann.page.getByRole('heading', { name: /ann/ }).waitFor();
      const add = ['user', 'add', 'eve', '--email', 'eve@example.org', '--admin', '--password-file', '-'];
      t.equal((await gateway.knot(add, password)).status, 0);
      await signIn(eve.page, 'eve');
      for (const { page } of [ann, eve]) {
        await page.getByText('Notebooks', { exact: true }).first().waitFor();
        await check(page, 'home');
      }
      for (const { page } of [ann, eve])
        await page.getByRole('link', { name: 'Open Notebooks' }).waitFor({ timeout: 300_000 });
      t.pass('the tile can be opened without a reload');
    },
  );

  for (const look of looks)
    await t.test(`on ${look.name}`, async (t) => {
      const { width, admin: adminName, person: personName } = look;
      const admin = admins[adminName as keyof typeof admins];
      const person = await (width < 500 ? phone! : desktop!).open();

      await t.test('one click leads to JupyterLab, and a cell runs', async (t) => {
        await admin.page.goto(gateway.origin);
        const clickedAt = performance.now();
        const lab = admin.page;
        await lab.getByRole('link', { name: 'Open Notebooks' }).first().click();
        await lab.waitForURL(new RegExp(`/user/${adminName}/lab`));
        await lab.locator('.jp-LauncherCard').first().waitFor();
        t.comment(`from click to JupyterLab: ${Math.round(performance.now() - clickedAt)} ms`);
        // On a phone the notebook itself is JupyterLab's affair; that a kernel answers is ours.
        t.equal(await (width < 500 ? runInKernel(lab) : runInNotebook(lab)), '42', '6*7 is 42');
        await admin.page.goto(gateway.origin);
        const running = admin.page.getByRole('region', { name: 'Continue' });
        await running.getByRole('link', { name: 'Open Notebooks' }).waitFor();
        await running.getByRole('button', { name: 'Stop Notebooks' }).click();
        const question = admin.page.getByRole('dialog', { name: 'Stop Notebooks?' });
        await question.getByText('What is not saved').waitFor();
        await check(admin.page, 'the question before a stop');
        await question.getByRole('button', { name: 'Stop it' }).click();
        await running.waitFor({ state: 'detached' });
        await admin.page.getByText('Asleep: opens when you need it').waitFor();
        t.pass('home knows what runs, and that it was stopped');
      });

      await t.test('a second person signs up and waits; the admin approves; they get in', async (t) => {
        await person.page.goto(`${gateway.origin}/signup`);
        await check(person.page, 'the sign-up page');
        await person.page.fill('input[name=username]', personName);
        await person.page.fill('input[name=email]', `${personName}@example.org`);
        await person.page.fill('input[name=password]', password);
        await person.page.getByRole('button', { name: 'Create account' }).click();
        await person.page
          .getByText(/approv/i)
          .first()
          .waitFor();
        await check(person.page, 'the waiting page');

        await admin.page.goto(`${gateway.origin}/admin/users?state=pending`);
        await admin.page.getByText(`${personName}@example.org`).first().waitFor();
        await check(admin.page, 'users');
        await admin.page
          .getByRole('button', { name: /approve/i })
          .first()
          .click();

        await signIn(person.page, personName);
        t.equal(await person.page.getByRole('link', { name: 'Users' }).count(), 0, 'no admin pages for them');
      });

      await t.test('the second person cannot open the first one’s server, and the page says why', async (t) => {
        const answer = await person.page.goto(`${hub}/user/${adminName}/lab`);
        t.equal(answer?.status(), 403);
        await person.page.getByText('Decision', { exact: true }).waitFor();
        t.match(await person.page.locator('main').innerText(), new RegExp(personName));
        await check(person.page, 'the 403 page');
      });

      await t.test(
        'an edited policy shows on the page without a reload: first in force, then wrong at its line',
        async () => {
          await admin.page.goto(`${gateway.origin}/admin/policies`);
          await admin.page.getByText('default.cedar').first().waitFor();
          await check(admin.page, 'policies');
          const file = join(gateway.policies, `for-${personName}.cedar`);
          writeFileSync(
            file,
            `@id("closed-for-${personName}")\nforbid (principal, action, resource == Integration::"jupyterhub")\nwhen { principal.username == "${personName}" && context.path == "/hub/home" };\n`,
          );
          await admin.page.getByText(`for-${personName}.cedar`).first().waitFor();
          await eventually(
            `${personName} is refused`,
            async () => (await person.page.goto(`${hub}/hub/home`))?.status() === 403,
          );
          await person.page.getByText(`closed-for-${personName}`).waitFor();
          writeFileSync(file, `@id("closed-for-${personName}")\nforbid (principal, actin, resource);\n`);
          await admin.page
            .getByText(new RegExp(`for-${personName}\\.cedar:2`))
            .first()
            .waitFor();
          await check(admin.page, 'policies with a problem');
          writeFileSync(file, '// nothing is closed\n');
        },
      );

      await t.test('the other pages answer and are accessible', async () => {
        for (const path of ['/account', '/admin/audit', '/admin/health', '/admin/teams']) {
          await admin.page.goto(`${gateway.origin}${path}`);
          await admin.page.locator('main h1').first().waitFor();
          await check(admin.page, path);
        }
      });

      await t.test('signing out ends it everywhere', async (t) => {
        await admin.page.goto(gateway.origin);
        await admin.page
          .getByRole('button', { name: new RegExp(adminName) })
          .first()
          .click();
        await admin.page
          .getByText(/sign out/i)
          .first()
          .click();
        await admin.page.waitForURL(/\/login/);
        await check(admin.page, 'the signed-out page');
        await admin.page.goto(`${hub}/user/${adminName}/lab`);
        t.match(admin.page.url(), `${gateway.origin}/login`);
      });
    });
});

/** As a person does it: a new notebook, a cell, Shift+Enter; again when JupyterLab was not ready to listen yet. */
async function runInNotebook(lab: Page): Promise<string> {
  await lab.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  const cell = lab.locator('.jp-Notebook .jp-CodeCell .cm-content').first();
  const output = lab.locator('.jp-Notebook .jp-OutputArea-output', { hasText: '42' }).first();
  await cell.waitFor();
  for (let attempt = 1; ; attempt++) {
    await cell.click();
    await lab.keyboard.press('Control+A');
    await lab.keyboard.type('6*7', { delay: 30 });
    await lab.keyboard.press('Shift+Enter');
    try {
      await output.waitFor({ timeout: 15_000 });
      return (await output.innerText()).trim();
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

/** The same over the kernel's WebSocket, from the page itself. */
function runInKernel(lab: Page): Promise<string> {
  return lab.evaluate(`(async () => {
    const base = location.pathname.replace(/\\/lab.*/, '');
    const xsrf = /_xsrf=([^;]+)/.exec(document.cookie)?.[1] ?? '';
    const answer = await fetch(base + '/api/kernels', { method: 'POST', headers: { 'x-xsrftoken': xsrf }, body: '{}' });
    const { id } = await answer.json();
    const socket = new WebSocket('wss://' + location.host + base + '/api/kernels/' + id + '/channels');
    return new Promise((resolve, reject) => {
      socket.onerror = () => reject(new Error('the kernel socket failed'));
      socket.onmessage = ({ data }) => {
        const { msg_type: type, content } = JSON.parse(data);
        if (type === 'execute_result') resolve(content.data['text/plain']);
      };
      socket.onopen = () => {
        const header = { msg_id: 'cell', msg_type: 'execute_request', username: '', session: 'journey', version: '5.3', date: '' };
        const content = { code: '6*7', silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
        socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] }));
      };
    });
  })()`);
}
