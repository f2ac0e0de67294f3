import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors, type Visitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { servicesSkipReason } from '../support/process/services.ts';
import { shows } from '../support/dashboard/shows.ts';

/** The life of a service of a team, from the form to its end: who opens it is who they are, and what is changed can be taken back. */

const skip = servicesSkipReason() || browserSkipReason();

const program = `
const { createServer } = require('node:http');
const [socket, word] = process.argv.slice(2);
createServer((request, response) => {
  if (request.url === '/ticks') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: tick\\n\\n'), 100);
    return response.on('close', () => clearInterval(timer));
  }
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>Board</title><h1>' + word + ' to ' + request.headers['x-knot-user'] + '</h1>');
}).listen(socket);
`;

/** A template that greets whoever comes, and ticks for as long as somebody listens. */
function writeTemplate(folder: string, version: string, values: string): void {
  mkdirSync(join(folder, 'board'), { recursive: true });
  const files = {
    'Chart.yaml': `apiVersion: v2\nname: board\nversion: ${version}\ndescription: Greets.\nannotations: {knot/title: Board}\n`,
    'values.yaml': values,
    'process.yaml': [
      `command: ['{node}', '{template}/run.js', '{socket}', '{values.word}']`,
      'listen: { socket: true }',
      'startSeconds: 60',
    ].join('\n'),
    'run.js': program,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'board', name), text);
}

const menu = async (page: Page, item: string): Promise<void> => {
  await page.getByRole('button', { name: 'Actions for board' }).first().click();
  await page.getByRole('menuitem', { name: item }).click();
};

t.test('a service of a team, from its form to its end', { skip }, async (t: Test) => {
  const templates = mkdtempSync(join(tmpdir(), 'knot-templates-'));
  t.teardown(() => rmSync(templates, { recursive: true, force: true }));
  const visitors = await openVisitors(t, {
    others: ['max', 'mia'],
    config: { services: { templates: [templates] } },
  });
  const ann = await visitors.person('ann');
  const { id: teamId } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{
    id: string;
  }>();
  await ann.api('PUT', `/teams/${teamId}/members/max`, { role: 'manager' });
  for (const [width, versions] of [
    [1440, ['1.0.0', '1.1.0']],
    [390, ['1.2.0', '1.3.0']],
  ] as const)
    await t.test(`${width} px`, (t) => life(t, visitors, { width, versions, templates, teamId }));
});

async function life(
  t: Test,
  { gateway, open, person }: Visitors,
  facts: { width: number; versions: readonly [string, string]; templates: string; teamId: string },
): Promise<void> {
  const { width, versions, templates, teamId } = facts;
  const [first, second] = versions;
  writeTemplate(templates, first, 'word: hello\n');
  const { page: max, complaints } = await open('max', { width });
  const { page: mia } = await open('mia', { width });
  const manager = await person('max');
  await manager.api('PUT', `/teams/${teamId}/members/mia`, { role: 'member' });
  await eventually('the template is read', async () => {
    const { version } = (await manager.api('GET', '/templates/board')).json<{ version: string }>();
    return version === first;
  });
  type Shown = { id: string; url: string; state: string; template: { version: string }; values: { word: string } };
  const shown = async (): Promise<Shown> =>
    (await manager.api('GET', '/services?owner=physics')).json<{ services: Shown[] }>().services[0]!;
  const is = (words: string, fits: (service: Shown) => boolean) => eventually(words, async () => fits(await shown()));
  const isNoWider = async (page: Page) =>
    t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= width, 'not wider than its window');

  await t.test('a manager starts it for the team', async (t) => {
    await max.goto(`${gateway.origin}/start/board`);
    await max.getByLabel('Whose', { exact: true }).selectOption('physics');
    await max.getByText('Everybody in the team can open it').waitFor();
    await max.getByText('It would start.').waitFor();
    t.strictSame(await violationsOn(max), []);
    await max.getByRole('button', { name: 'Create', exact: true }).click();
    await max.waitForURL('**/services/*/overview');
    await max.getByText(/board is ready, after \d+ s/).waitFor();
    t.strictSame(await violationsOn(max), []);
    await isNoWider(max);
  });
  const { id, url } = await shown();

  await t.test('members open it under their own names', async (t) => {
    await mia.goto(`${gateway.origin}/services`);
    await mia.getByRole('row', { name: /board/ }).getByRole('link', { name: 'Open board' }).click();
    await mia.getByRole('heading', { name: 'hello to mia' }).waitFor();
    await max.goto(url);
    await max.getByRole('heading', { name: 'hello to max' }).waitFor();
    // A member uses it and does not manage it.
    await mia.goto(`${gateway.origin}/services/${id}/overview`);
    await mia.getByRole('heading', { level: 1, name: 'board' }).waitFor();
    t.equal(await mia.getByRole('link', { name: 'Values' }).count(), 0);
    t.strictSame(await violationsOn(mia), []);
  });

  await t.test('it is stopped, and started again from the notice', async () => {
    await max.goto(`${gateway.origin}/services/${id}/overview`);
    await menu(max, 'Stop');
    await max.getByText('Stopped', { exact: true }).first().waitFor();
    await max.getByRole('button', { name: 'Start again', exact: true }).click();
    await is('it runs again', ({ state }) => state === 'ready');
  });

  await t.test('other values: what changes is said before, and the notice leads back', async (t) => {
    await max.goto(`${gateway.origin}/services/${id}/values`);
    await max.getByLabel('word', { exact: false }).first().fill('moin');
    const changes = max.getByRole('region', { name: 'What changes' });
    await shows(t, () => changes.innerText(), /word\s+hello\s+→\s+moin/);
    t.strictSame(await violationsOn(max), []);
    await max.getByRole('button', { name: 'Save and start anew' }).click();
    await is('it has the new ones', ({ state, values }) => state === 'ready' && values.word === 'moin');
    await max.getByRole('button', { name: 'Go back', exact: true }).click();
    await max.getByText('board goes back to what it was.').waitFor();
    await is('it has the old ones', ({ state, values }) => state === 'ready' && values.word === 'hello');
  });

  await t.test('a newer version of its template, and back again', async (t) => {
    writeTemplate(templates, second, 'word: hello\nmood: good\n');
    await eventually('the newer version is known', async () => {
      const { newerVersion } = (await manager.api('GET', `/services/${id}`)).json<{ newerVersion?: string }>();
      return newerVersion === second;
    });
    await max.goto(`${gateway.origin}/services/${id}/values`);
    await max.getByRole('button', { name: `Upgrade to ${second}…` }).click();
    const dialog = max.getByRole('dialog');
    await dialog.getByText('mood').waitFor();
    t.strictSame(await violationsOn(max), []);
    await isNoWider(max);
    await dialog.getByRole('button', { name: 'Upgrade', exact: true }).click();
    await is('it is of the newer one', ({ state, template }) => state === 'ready' && template.version === second);
    await max.getByRole('button', { name: 'Back to this…' }).first().click();
    await dialog.getByText(`Back to version ${first} of Board?`).waitFor();
    await dialog.getByText('mood').waitFor();
    await dialog.getByRole('button', { name: 'Go back', exact: true }).click();
    await is('it is of the one before', ({ state, template }) => state === 'ready' && template.version === first);
  });

  await t.test('who leaves the team loses it, with what is open of it', async (t) => {
    await mia.goto(url);
    await mia.getByRole('heading', { name: 'hello to mia' }).waitFor();
    await mia.evaluate(`{
      const ticks = new EventSource('/ticks');
      ticks.onmessage = () => (document.title = 'ticking');
      // Not one that comes back: it is refused.
      ticks.onerror = () => (document.title = 'cut');
    }`);
    await eventually('it ticks', async () => (await mia.title()) === 'ticking');
    await manager.api('DELETE', `/teams/${teamId}/members/mia`);
    await eventually('it is cut', async () => (await mia.title()) === 'cut');
    await mia.reload();
    t.equal(await mia.getByRole('heading', { name: /hello/ }).count(), 0);
    await mia.goto(`${gateway.origin}/services`);
    await mia.getByRole('heading', { level: 1 }).first().waitFor();
    t.equal(await mia.getByRole('row', { name: /board/ }).count(), 0);
    await max.goto(url);
    await max.getByRole('heading', { name: 'hello to max' }).waitFor();
  });

  await t.test('it is removed by who types its name; what is lost and what stays is said first', async (t) => {
    await max.goto(`${gateway.origin}/services/${id}/overview`);
    await menu(max, 'Remove…');
    await max.getByText(/its home folder and whatever it holds in memory/).waitFor();
    await max.getByText(/the files of the team physics/).waitFor();
    const button = max.getByRole('button', { name: 'Remove it' });
    await shows(t, () => button.isDisabled(), true, 'not before the name is typed');
    await max.getByRole('textbox').fill('board');
    t.strictSame(await violationsOn(max), []);
    await button.click();
    await max.waitForURL('**/services');
    await max.getByRole('row', { name: /board/ }).waitFor({ state: 'detached' });
    await eventually('nothing is left of it', async () => (await manager.api('GET', `/services/${id}`)).status === 404);
  });

  t.strictSame(complaints, []);
}
