import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openCatalogue } from '../../gateway/app/services.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { configWith } from '../support/house/facts.ts';
import { runKnot } from '../support/process/gateway.ts';
import { openHouse } from './house.ts';

const chart = (name: string) =>
  `apiVersion: v2\nname: ${name}\nversion: 1.0.0\ndescription: Of my own.\nannotations:\n  knot/title: Mine\n`;
const runs = 'command: ["{node}", "x", "{socket}"]\nlisten: {socket: true}\n';

function putTemplate(area: string, name: string, files: Record<string, string> = {}): string {
  const folder = join(area, 'services', name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries({ 'Chart.yaml': chart(name), 'process.yaml': runs, ...files }))
    writeFileSync(join(folder, file), text);
  return folder;
}

async function openPeople(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  const people = { ann: await house.person('ann', { isAdmin: true }), bob: await house.person('bob') };
  const team = await house.accounts.createTeam({ name: 'physics', title: 'Physics' }, { name: 'test' });
  await house.accounts.setMember(team.id, people.bob.id, 'member', { name: 'test' });
  const area = (key: string): string => {
    const folder = join(house.folderOfFiles, key);
    mkdirSync(folder, { recursive: true });
    return folder;
  };
  const get = (who: keyof typeof people, url: string) => house.call({ url, cookie: people[who].cookie });
  const list = async (who: keyof typeof people) =>
    (await get(who, '/templates')).json['templates'] as {
      id: string;
      owner?: string;
      problems: { file: string; line?: number; severity: string; message: string }[];
    }[];
  return { ...house, ...people, team, area, get, list };
}

t.test('templates of a person and of a team are for whom their files are, and hide no other', async (t) => {
  const { area, ann, bob, team, get, list, call } = await openPeople(t);
  putTemplate(area(`private/${bob.id}`), 'web');
  putTemplate(area(`team/${team.id}`), 'web');
  putTemplate(area(`private/${ann.id}`), 'secret');
  const own = (await list('bob')).filter(({ owner }) => owner !== undefined);
  const of = (id: string) => own.find((template) => template.id === id);
  t.match(of('team:physics/web'), { owner: 'physics', origin: 'team', isUsable: true });
  t.match(of('user:bob/web'), { owner: 'bob', origin: 'user', isUsable: true });
  t.strictSame(own.map(({ id }) => id).sort(), ['team:physics/web', 'user:bob/web']);
  t.ok(
    (await list('bob')).some(({ id }) => id === 'web'),
    'the shipped one of that name is there still',
  );
  t.match(await get('bob', '/templates/user:bob/web'), { status: 200, json: { title: 'Mine', origin: 'user' } });
  t.match(await get('bob', '/templates/team:physics/web'), { status: 200 });
  for (const id of ['user:bob/web', 'team:physics/web', 'user:ann/../bob/web', 'user:nobody/web'])
    t.match(await get('ann', `/templates/${id}`), { status: 404 }, `an admin too does not see ${id}`);
  t.match(await get('bob', '/templates/user:ann/secret'), { status: 404 });

  // What is checked is what is launched: by whom it is for.
  const wanted = { name: 'mine', values: {}, dryRun: true };
  const check = (who: { cookie: string }, template: string) =>
    call({ method: 'POST', url: '/services', cookie: who.cookie, body: { ...wanted, template } });
  t.match((await check(ann, 'user:bob/web')).json, { obstacles: [{ field: 'template', message: /no template/ }] });
  const asked = (await check(bob, 'user:bob/web')).json['obstacles'] as { message: string }[];
  t.notOk(
    asked.some(({ message }) => message.includes('no template')),
    JSON.stringify(asked),
  );
});

t.test('the form of a template is sent as it is, sections and lists too', async (t) => {
  const { area, bob, get, call } = await openPeople(t);
  const schema = {
    type: 'object',
    properties: { list: { type: 'array', items: { type: 'object', properties: { a: { enum: [1, null] } } } } },
  };
  putTemplate(area(`private/${bob.id}`), 'deep', {
    'values.yaml': 'list: [{a: 1}]\nsection: {b: {c: [1, [2]]}}\n',
    'values.schema.json': JSON.stringify(schema),
  });
  const template = await get('bob', '/templates/user:bob/deep');
  t.match(template, { status: 200 });
  t.strictSame(template.json['schema'], schema);
  t.strictSame(template.json['values'], { list: [{ a: 1 }], section: { b: { c: [1, [2]] } } });
  t.match(
    await call({
      method: 'POST',
      url: '/services',
      cookie: bob.cookie,
      body: { template: 'user:bob/deep', name: 'deep', values: { list: [{ a: 2 }] }, dryRun: true },
    }),
    { status: 200, json: { obstacles: [{ field: 'values/list/0/a' }] } },
  );
});

t.test('no link leads out of an area, and what is wrong is told with file and line', async (t) => {
  const { area, bob, list } = await openPeople(t);
  const files = area(`private/${bob.id}`);
  const broken = putTemplate(files, 'broken', { 'Chart.yaml': chart('other') });
  symlinkSync('/etc/hostname', join(broken, 'README.md'));
  symlinkSync('/etc', join(files, 'services', 'etc'));
  mkdirSync(join(files, 'services', 'Not A Name'));
  const own = (await list('bob')).filter(({ owner }) => owner === 'bob');
  t.equal(own.length, 1);
  const { stderr } = await runKnot(['template', 'check', broken]);
  const lines = own[0]!.problems.map(({ file, line, severity, message }) =>
    [line === undefined ? file : `${file}:${line}`, severity, message].join(': '),
  );
  t.strictSame(lines, stderr.split('\n').slice(0, lines.length), 'as its author reads it on the command line');
  t.match(own, [
    {
      id: 'user:bob/broken',
      isUsable: false,
      problems: [
        { file: 'README.md', message: /plain file|link/ },
        { file: 'Chart.yaml', line: 2, message: /folder is called "broken"/ },
      ],
    },
  ]);
});

t.test('a picture is drawn by an image and is no page of ours', async (t) => {
  const { area, bob, list, get } = await openPeople(t);
  putTemplate(area(`private/${bob.id}`), 'web', {
    'icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
  });
  const icons = (await list('bob')).map((template) => (template as { icon?: string }).icon);
  t.ok(icons.some((icon) => icon?.startsWith('/api/v1/template-pictures/user%3Abob/web?v=')));
  for (const icon of icons.filter((icon) => icon !== undefined)) {
    const answer = await get('bob', icon.slice('/api/v1'.length));
    t.match(answer, { status: 200, text: /^<svg/, headers: { 'content-type': /^image\/svg\+xml/ } });
    t.match(answer.headers['content-security-policy'], /^sandbox; default-src 'none'/);
  }
  t.match(await get('ann', '/template-pictures/user:bob/web'), { status: 404 });
});

t.test('what does not say how it runs by the engine here is listed as such, and cannot be started', async (t) => {
  for (const [engine, elsewhere] of [
    ['process', { name: 'mariadb', needsKubernetes: true, needsMachine: false }],
    ['kubernetes', { name: 'lone', needsKubernetes: false, needsMachine: true }],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'knot-templates-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    putTemplate(folder, 'lone');
    const given = { engine, services: { templates: [join(folder, 'services')] } };
    const config = configWith(given);
    const house = await openHouse(t, {
      config,
      catalogue: openCatalogue(config, { clock: systemClock, log: silentLog }),
    });
    const bob = await house.person('bob');
    const { json } = await house.call({ url: '/templates', cookie: bob.cookie });
    const all = json['templates'] as { id: string; name: string; isUsable: boolean }[];
    t.match(
      all.find(({ name }) => name === elsewhere.name),
      { ...elsewhere, isUsable: false, problems: [] },
      engine,
    );
    t.match(
      all.find(({ id }) => id === 'web'),
      { isUsable: true, needsKubernetes: false, needsMachine: false },
      engine,
    );
    const { json: form } = await house.call({ url: '/templates/postgresql', cookie: bob.cookie });
    t.equal('image' in (form['schema'] as { properties: object }).properties, engine === 'kubernetes', engine);
  }
});
