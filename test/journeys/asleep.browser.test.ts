import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { browserSkipReason, violationsOn } from '../support/dashboard/browser.ts';
import { openVisitors } from '../support/dashboard/visitors.ts';
import { eventually } from '../support/eventually.ts';
import { runKnot } from '../support/process/gateway.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { shows } from '../support/dashboard/shows.ts';

/** A service that is left alone sleeps, and a visit wakes it; it is upgraded and goes back to what it was. */

const skip = servicesSkipReason() || browserSkipReason();

const program = `
const { existsSync } = require('node:fs');
const { createServer } = require('node:http');
const [socket, word] = process.argv.slice(2);
createServer((request, response) => {
  if (existsSync(process.env.HOME + '/shut')) return response.writeHead(500).end();
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>Here</title><h1>' + word + ' at ' + request.url.replace(/</g, '') + '</h1>');
}).listen(socket);
`;

/** A template that says a word at every address, as soon as nothing is `shut` in its home, and whose services sleep after two seconds. */
function writeTemplate(folder: string, version: string, values: string, schema: object): void {
  mkdirSync(join(folder, 'word'), { recursive: true });
  const files = {
    'Chart.yaml': `apiVersion: v2\nname: word\nversion: ${version}\ndescription: Says a word.\nannotations: {knot/title: Word}\n`,
    'values.yaml': values,
    'values.schema.json': JSON.stringify({ type: 'object', additionalProperties: false, properties: schema }),
    'process.yaml': [
      `command: ['{node}', '{template}/run.js', '{socket}', '{values.word}']`,
      'listen: { socket: true }',
      'startSeconds: 30',
      'files: []',
      'rest: { idleSeconds: 2, quiet: [/poll] }',
    ].join('\n'),
    'run.js': program,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'word', name), text);
}

type Shown = {
  state: string;
  wish: string;
  cause?: { code: string };
  rest?: { keptUntil?: number; sleepsAt?: number };
  steps?: { state: string }[];
  newerVersion?: string;
  previousVersion?: string;
};

t.test('a service that is left alone sleeps until somebody comes', { skip }, async (t) => {
  const templates = mkdtempSync(join(tmpdir(), 'knot-templates-'));
  t.teardown(() => rmSync(templates, { recursive: true, force: true }));
  const word = { type: 'string' };
  writeTemplate(templates, '1.0.0', 'word: hello\n', { word });
  const { gateway, person, open } = await openVisitors(t, {
    others: ['bob'],
    config: { services: { templates: [templates] } },
  });
  const ann = await person('ann');
  const { id, url } = await launch(ann, { template: 'word', name: 'say', values: { word: 'moin' } });
  const shown = async (): Promise<Shown> => (await ann.api('GET', `/services/${id}`)).json<Shown>();
  const is = (state: string) => becomes(ann, id, state);
  const act = (path: string, body: object = {}) => ann.api('POST', `/services/${id}/${path}`, body);
  const gate = join(gateway.data, 'services/home', id, 'shut');
  const shut = (): void => writeFileSync(gate, '');
  const letIn = (): void => rmSync(gate, { force: true });

  await t.test('it sleeps, says why, and sleeps on whatever nobody asked for', async (t) => {
    await is('sleeping');
    t.match(await shown(), { wish: 'asleep', cause: { code: 'left-alone' }, rest: { sleepsAt: undefined } });
    t.match((await ann.api('GET', `/services/${id}/events`)).json(), {
      events: [{ state: 'sleeping' }, { state: 'stopping' }, { state: 'ready' }],
    });
  });

  await t.test('who opens a page of it sees it wake and lands where they were going', async (t) => {
    for (const width of [1440, 390]) {
      const { page } = await open('ann', { width });
      await is('sleeping');
      // So that it is awake for as long as it is looked at.
      await act('extend', { hours: 8 });
      shut();
      await page.goto(`${url}deep/er?x=1#part`);
      await page.getByRole('heading', { name: 'say is waking up' }).waitFor();
      await page.getByText('Wait until it answers').waitFor();
      letIn();
      await page.getByRole('heading', { name: 'moin at /deep/er?x=1' }).waitFor();
      t.equal(page.url(), `${url}deep/er?x=1#part`);
      const now = await shown();
      t.match(now, { state: 'ready' });
      t.ok(now.steps?.every(({ state }) => state === 'done'));
      t.match((await ann.api('GET', `/services/${id}/events`)).json(), {
        events: [{ state: 'ready' }, { state: 'waking', actor: 'ann' }],
      });
      await page.context().close();
      await act('extend', { until: null });
    }
    const { page } = await open('ann', { width: 390 });
    await act('extend', { hours: 8 });

    // As it stands, without going on by itself.
    await act('stop');
    await is('stopped');
    shut();
    await act('start');
    const { text } = await ann.visit(`${url}a`);
    t.match(text, 'say is starting');
    await page.goto('about:blank');
    await page.setContent(text.replace(/<meta http-equiv="refresh"[^>]*>/, ''));
    t.strictSame(await violationsOn(page), []);
    t.ok(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
    letIn();
    await is('ready');
  });

  await t.test('it is kept awake on request, which is taken back, also after a reload', async (t) => {
    const { page } = await open('ann');
    await page.goto(`${gateway.origin}/services/${id}/overview`);
    const before = (await shown()).rest?.keptUntil;
    await page.getByRole('button', { name: 'Keep awake 8 h more' }).click();
    await page.getByText(/^say stays awake until/).waitFor();
    t.ok((await shown()).rest!.keptUntil! > (before ?? 0));
    await page.reload();
    await page.getByRole('button', { name: /^Notices/ }).click();
    await page.getByRole('group', { name: 'Notices' }).getByRole('button', { name: 'Undo', exact: true }).click();
    await page
      .getByText(/^Undone: say stays awake until/)
      .first()
      .waitFor();
    t.equal((await shown()).rest?.keptUntil, before, 'as it was');
    t.match((await act('extend', { hours: 8 })).json(), { rest: { keptUntil: Number } });
    for (const wrong of [{ hours: 0 }, { hours: 25 }, { hours: 1, until: 5 }, {}, { until: 'x' }])
      t.equal((await act('extend', wrong)).status, 400, JSON.stringify(wrong));
    const bob = await person('bob');
    for (const [path, body] of Object.entries({ wake: {}, extend: { hours: 1 }, upgrade: {}, rollback: {} }))
      t.equal((await bob.api('POST', `/services/${id}/${path}`, body)).status, 404, path);
    t.equal((await bob.api('GET', `/services/${id}/revisions`)).status, 404);
    t.notOk((await act('extend', { until: null })).json<Shown>().rest?.keptUntil);
    await is('sleeping');
  });

  const scopes = ['services:write', 'account:read'];
  const { secret } = (await ann.api('POST', '/tokens', { name: 'script', scopes })).json<{ secret: string }>();
  const environment = { KNOT_URL: gateway.origin, KNOT_CA_FILE: gateway.caFile, KNOT_TOKEN: secret };
  const knot = (...words: string[]) => runKnot(['service', ...words], undefined, environment);

  await t.test('from a terminal it wakes with its steps, is upgraded, and goes back', async (t) => {
    t.match(await knot('extend', 'say', '--hours', '1'), { status: 0, stdout: /kept awake until/ });
    shut();
    const woken = runKnot(['service', 'wake', 'say', '--wait'], undefined, environment, {
      onOutput: (stdout) => stdout.includes('waking') && letIn(),
    });
    t.match(await woken, { status: 0, stdout: /waking[^]*done in [^]*ready https:/ });

    writeTemplate(templates, '1.1.0', 'word: hello\nmood: good\n', { word, mood: { enum: ['good'] } });
    await eventually('the newer version is known', async () => (await shown()).newerVersion === '1.1.0');
    t.match(await knot('upgrade', 'say', '--check'), {
      status: 0,
      stdout: /1\.0\.0 → 1\.1\.0\n {2}\/mood {2}nothing → "good"/,
    });
    t.equal((await act('upgrade')).status, 200);
    await is('ready');
    t.match(await shown(), { previousVersion: '1.0.0', newerVersion: undefined });
    t.match((await ann.visit(`${url}a`)).text, 'moin at /a', 'with what was chosen');

    writeTemplate(templates, '2.0.0', 'tone: loud\nword: hi\n', { word: { enum: ['hi', 'ho'] }, tone: {} });
    await eventually('the next is known', async () => (await shown()).newerVersion === '2.0.0');
    t.match(await knot('upgrade', 'say', '--check'), { status: 1, stdout: /\/word does not fit/ });
    t.match((await act('upgrade')).json(), { code: 'KNOT_SERVICES_DOES_NOT_FIT' });
    t.match(await knot('upgrade', 'say', '--drop', '--wait'), { status: 0, stdout: /ready https:/ });
    t.match((await ann.visit(`${url}b`)).text, 'hi at /b');
    t.match(await knot('rollback', 'say', '--wait'), { status: 0, stdout: /2\.0\.0 → 1\.1\.0[^]*ready https:/ });
    t.match((await ann.visit(`${url}c`)).text, 'moin at /c');
    t.match(await knot('revisions', 'say'), {
      status: 0,
      stdout: /rolled-back +1\.1\.0[^]*upgraded +2\.0\.0[^]*launched +1\.0\.0/,
    });
    const seen = { revision: 1, values: { word: 'late', mood: 'good' } };
    t.match((await ann.api('PATCH', `/services/${id}`, seen)).json(), { code: 'KNOT_SERVICES_CHANGED' });
  });

  await t.test('what was stopped is started by whom it belongs to, and by no visit', async (t) => {
    await act('stop');
    await is('stopped');
    t.equal((await act('wake')).status, 409);
    const { page } = await open('ann', { width: 390, theme: 'dark' });
    await page.goto(`${url}deep`);
    await page.getByRole('heading', { name: 'say is switched off' }).waitFor();
    t.strictSame(await violationsOn(page), []);
    await shows(
      t,
      () => page.getByRole('link', { name: 'Go and start it' }).getAttribute('href'),
      `${gateway.origin}/services/${id}`,
    );
    t.match(await shown(), { state: 'stopped', wish: 'stopped' });
    const audit = (await ann.api('GET', '/audit?limit=100')).text;
    for (const action of ['slept', 'woken', 'kept', 'upgraded', 'rolled-back']) t.match(audit, `service.${action}`);
  });

  await t.test(
    'its template is gone: it starts and wakes from its own copy, and is not made another one',
    async (t) => {
      rmSync(join(templates, 'word'), { recursive: true });
      await eventually(
        'the catalogue has it no more',
        async () => (await ann.api('GET', '/templates/word')).status === 404,
      );
      await act('extend', { hours: 8 });
      await act('start');
      await is('ready');
      t.match((await ann.visit(`${url}d`)).text, 'moin at /d');
      t.match((await act('upgrade')).json(), { code: 'KNOT_SERVICES_TEMPLATE_GONE' });
      const { page, complaints } = await open('ann');
      await page.goto(`${gateway.origin}/services/${id}/values`);
      await page.getByLabel('word', { exact: true }).fill('still');
      // The page hears of the change before the answer comes, and has another form by then.
      await page.evaluate(`const ask = fetch; fetch = async (...of) => {
        const answer = await ask(...of);
        while (of[1]?.method === 'PATCH' && document.body.innerText.includes('What changes')) {
          await new Promise(requestAnimationFrame);
        }
        return answer;
      }`);
      await page.getByRole('button', { name: 'Save and start anew' }).click();
      await page.getByText('The values are saved. It starts anew with them.').waitFor();
      await eventually('it has its new values', async () => (await ann.visit(`${url}e`)).text.includes('still at /e'));
      t.match(await shown(), { template: { version: '1.1.0' }, newerVersion: undefined });
      t.strictSame(complaints, []);
      await act('extend', { until: null });
      await is('sleeping');
      await page.goto(`${url}f`);
      await page.getByRole('heading', { name: 'still at /f' }).waitFor();
    },
  );
});
