import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { talkingTemplate } from './talking-service.ts';
import { shows } from '../support/dashboard/shows.ts';

/** Logs and Terminal of a service, as somebody uses them, on a laptop and on a phone. */

const skip = servicesSkipReason() || browserSkipReason();

t.test('what a service says is followed on its page, and a terminal works in it', { skip }, async (t) => {
  const config = { services: { templates: [talkingTemplate(t)] } };
  const visitors = await openVisitors(t, { others: ['bob'], config });
  const bob = await visitors.person('bob');
  const { id, url } = await launch(bob, { template: 'talk', name: 'one' });
  await becomes(bob, id, 'ready');
  const say = (text: string) => bob.visit(`${url}say?${encodeURIComponent(text)}`);
  const { page, complaints } = await visitors.open('bob');

  await t.test('logs', async (t) => {
    await page.goto(`${visitors.gateway.origin}/services/${id}/logs`);
    const log = page.getByRole('log');
    await log.getByText('hello').waitFor();
    await shows(t, () => log.getByText('hello').getAttribute('class'), /c2/, 'in its colour');
    await log.getByText('It answers.').waitFor();
    const title = await page.title();
    const hostile =
      '\u001b]0;owned\u0007\u001b]52;c;b3duZWQ=\u0007\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007';
    await say(`${hostile} <img src=x onerror=alert(1)>\u001b[2J\u001b[1;1Hafter\n`);
    await log.getByText('link <img src=x onerror=alert(1)>after').waitFor();
    t.equal(await log.locator('a, img').count(), 0);
    t.equal(await page.title(), title);
    t.strictSame(await violationsOn(page), []);

    await bob.visit(`${url}count?3000`);
    await log.getByText('row 2999', { exact: true }).waitFor();
    // Lines far from what is seen are not in the page, and come back where they were.
    const lines = log.locator('.line');
    await eventually('lines far away have left the page', async () => (await lines.count()) < 1000);
    const height = () => log.evaluate((element) => element.scrollHeight);
    const before = await height();
    await log.evaluate((element) => (element.scrollTop = 0));
    await log.getByText('row 0', { exact: true }).waitFor();
    await eventually(
      'the newest have left',
      async () => (await log.getByText('row 2999', { exact: true }).count()) === 0,
    );
    t.equal(await height(), before, 'what is not there takes the room that it took');
    await page.getByRole('button', { name: 'To the newest' }).click();
    await log.getByText('row 2999', { exact: true }).waitFor();
    await log.hover();
    await page.mouse.wheel(0, -4000);
    await page.getByRole('button', { name: 'To the newest' }).waitFor();
    await say('while somebody looks back\n');
    await page.getByRole('button', { name: '1 newer' }).click();
    await log.getByText('while somebody looks back').waitFor();

    await page.getByRole('searchbox', { name: 'Search its lines' }).fill('ROW 1234');
    await page.waitForURL(/q=ROW/);
    await log.getByText('row 1234', { exact: true }).waitFor();
    await shows(t, () => log.locator('.line').count(), 1);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    t.equal((await download).suggestedFilename(), 'one.log.txt');
  });

  await t.test('terminal', async (t) => {
    await page.getByRole('link', { name: 'Terminal' }).click();
    const rows = page.locator('.xterm-rows');
    const prints = (what: string | RegExp) =>
      eventually(`the terminal shows ${what}`, async () => {
        const text = (await rows.innerText()).replaceAll('\u00a0', ' ');
        return typeof what === 'string' ? text.includes(what) : what.test(text);
      });
    await prints('one:~$');
    await page.keyboard.type('echo $((6 * 7)) $(stty size) > note; cat note\n');
    await prints(/\n42 \d\d \d{2,3}/);
    await page.keyboard.type(String.raw`printf '\e[38;2;200;0;0mtrue\e[0m \e]52;c;b3duZWQ=\a \e]0;owned\a colour\n'`);
    await page.keyboard.press('Enter');
    await prints(/true +colour/);
    const colour = await page.evaluate<string>(
      `[...document.querySelectorAll('.xterm-rows span')].filter((span) => span.textContent === 'true').at(-1)?.style.color ?? ''`,
    );
    t.match(colour, /^rgb\(\d+, \d+, \d+\)$/, 'a colour of its own, under the policy');
    t.notMatch(await page.title(), /owned/);
    t.strictSame(await violationsOn(page), []);

    // The page is read anew: the same shell.
    await page.keyboard.type('cd /tmp\n');
    await prints('one:/tmp$');
    // A program asks the terminal what it is, and hears the answer.
    await page.keyboard.type(`printf '\\033[c'; read -rsd c answer; echo "answ""ered"\n`);
    await prints('answered');
    await page.reload();
    await prints('one:/tmp$');
    // What is shown again is not answered again: nothing stands before what is typed now.
    await page.keyboard.type('echo "ag""ain"\n');
    await prints('one:/tmp$ echo "ag""ain"');
    await prints('again');
    await bob.api('POST', `/services/${id}/stop`, {});
    const over = page.getByText('The shell was ended.').or(page.getByText('The service is not running.')).first();
    await over.waitFor();
    await becomes(bob, id, 'stopped');
    await shows(t, () => over.isVisible(), true, 'the page goes on saying why');
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('nobody hears this\n');
    await bob.api('POST', `/services/${id}/start`, {});
    await eventually('it is back by itself', async () =>
      /one:~\$/.test((await rows.innerText()).replaceAll('\u00a0', ' ')),
    );
    t.notMatch(await rows.innerText(), /nobody/);
  });

  await t.test('on a phone', async (t) => {
    const { page, complaints } = await visitors.open('bob', { width: 390 });
    await page.goto(`${visitors.gateway.origin}/services/${id}/logs`);
    await page.getByRole('log').getByText('It answers.').first().waitFor();
    t.strictSame(await violationsOn(page), []);
    t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 390);
    await page.goto(`${visitors.gateway.origin}/services/${id}/terminal`);
    const rows = page.locator('.xterm-rows');
    const shown = async () => (await rows.innerText()).replaceAll('\u00a0', ' ');
    await eventually('a prompt', async () => (await shown()).includes('one:~$'));
    await page.keyboard.type('sleep 100\n');
    await page.getByRole('button', { name: 'Ctrl' }).click();
    await page.keyboard.type('c');
    // The shell reads again once it asks: what comes while it hears of Ctrl C is thrown away with it.
    await eventually('Ctrl C of the bar', async () => /\^C[^]*one:~\$/.test(await shown()));
    await page.getByRole('button', { name: 'Up', exact: true }).click();
    await eventually('the command before', async () => (await shown()).split('sleep 100').length === 3);
    t.strictSame(await violationsOn(page), []);
    t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 390);
    t.strictSame(complaints, []);
  });
  t.strictSame(complaints, [], 'nothing that the policy refuses');
});
