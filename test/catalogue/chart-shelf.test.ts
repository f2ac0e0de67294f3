/** Charts that were packed and pushed to a registry, as templates. */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { type ChartRegistry, createCatalogue, createChartShelves, templateId } from '../../gateway/catalogue/index.ts';
import { type Principal, silentLog } from '../../gateway/lib/index.ts';
import { chart, type Entry, packed, runs } from './written.ts';

const filesOf = (version = '1.2.3', top = 'web'): Entry[] => [
  { name: `${top}/Chart.yaml`, text: chart.replace('1.2.3', version) },
  { name: `${top}/process.yaml`, text: runs },
  { name: `${top}/site/a/page.html`, text: '<p>' },
];

const ann = { username: 'ann' } as Principal;

/** A registry in memory, and the catalogue of who has `ann`'s place in it. */
function open(stock: Map<string, Record<string, Buffer>>, { waitMs = 60_000 } = {}) {
  const state = {
    now: 0,
    isAway: false,
    givesNone: false,
    asked: [] as string[],
    hold: undefined as Promise<void> | undefined,
  };
  const registry: ChartRegistry = {
    addressOf: (owner) => `oci://registry.test/${owner}`,
    async list(owner) {
      state.asked.push(`list ${owner}`);
      await state.hold;
      if (state.isAway) throw new Error('away');
      return [...stock].map(([name, versions]) => ({
        name,
        versions: Object.entries(versions).map(([version, bytes]) => ({
          version,
          digest: `${version} ${bytes.length}`,
        })),
      }));
    },
    async fetch(_owner, { name, digest }) {
      state.asked.push(`fetch ${name} ${digest.split(' ')[0]}`);
      if (state.isAway || state.givesNone) throw new Error('away');
      return { bytes: stock.get(name)![digest.split(' ')[0]!]! };
    },
  };
  const shelfOf = createChartShelves({ registry, now: () => state.now, log: silentLog, waitMs });
  const catalogue = createCatalogue({
    sources: [],
    sourcesOf: async ({ username: owner }) => [
      { ...shelfOf(owner), origin: { kind: 'user', owner, isFromRegistry: true } },
    ],
    now: () => state.now,
    log: silentLog,
  });
  const listed = async () => (await catalogue.list(ann)).map((one) => `${templateId(one)} ${one.version}`);
  return { state, catalogue, listed };
}

t.test('a chart is a template with its versions, of which the newest release stands first', async (t) => {
  const stock = new Map([
    [
      'web',
      {
        '1.9.0': await packed(filesOf('1.9.0')),
        '1.10.0': await packed(filesOf('1.10.0')),
        '2.0.0-rc.1': await packed(filesOf('2.0.0-rc.1')),
        latest: Buffer.from('no version'),
      },
    ],
  ]);
  const { state, catalogue, listed } = open(stock);
  t.strictSame(await listed(), ['user:ann@registry/web 1.10.0']);
  const found = await catalogue.find('user:ann@registry/web', ann);
  t.match(found, { version: '1.10.0', problems: [], process: { command: ['a'] } });
  t.strictSame(found!.versions, ['1.10.0', '1.9.0', '2.0.0-rc.1']);
  t.equal(found!.folder.path, 'oci://registry.test/ann/web');
  t.strictSame(await found!.folder.entries('site'), [{ name: 'a', kind: 'folder' }]);
  t.strictSame(await found!.folder.entries('site/a'), [{ name: 'page.html', kind: 'file' }]);
  t.same(await found!.folder.read('site/a/page.html', 3), { bytes: Buffer.from('<p>') });
  t.match(await found!.folder.read('site/a/page.html', 2), { refused: /3 bytes; at most 2/ });
  t.match(await found!.folder.read('site', 2), { refused: /plain file/ });
  const earlier = await catalogue.find('user:ann@registry/web@1.9.0', ann);
  t.match(earlier, { version: '1.9.0', problems: [] });
  t.equal(templateId(earlier!), 'user:ann@registry/web', 'a service of it is told of newer ones');
  for (const id of [
    'user:ann@registry/web@3.0.0',
    'user:ann@registry/web@latest',
    'user:ann/web',
    'user:bob@registry/web',
    'user:ann@registry/web/..',
  ])
    t.equal(await catalogue.find(id, ann), undefined, id);
  t.equal(await catalogue.find('user:ann@registry/web'), undefined, 'nobody');

  const before = state.asked.filter((one) => one.startsWith('fetch')).length;
  state.now += 5_000;
  await listed();
  t.equal(
    state.asked.filter((one) => one.startsWith('fetch')).length,
    before,
    'what is under a digest is fetched once',
  );
  t.equal(state.asked.filter((one) => one === 'list ann').length, 2);

  // Pushed again, then taken away.
  stock.get('web')!['1.10.0'] = await packed([...filesOf('1.10.0'), { name: 'web/README.md', text: 'again' }]);
  state.now += 5_000;
  t.match(await catalogue.find('user:ann@registry/web', ann), { readme: 'again' });
  stock.delete('web');
  state.now += 5_000;
  t.strictSame(await listed(), []);
  t.equal(await catalogue.find('user:ann@registry/web', ann), undefined);
});

t.test('one that lies deeper in a project has the way to it in its name, and hides none that does not', async (t) => {
  const of = async (version: string) => ({ [version]: await packed(filesOf(version)) });
  const stock = new Map([
    ['charts/web', await of('2.0.0')],
    ['a/b/web', await of('3.0.0')],
    ['charts-web', { '1.0.0': await packed(filesOf('1.0.0', 'charts-web')) }],
    ['a/web.old', await of('4.0.0')],
    ['x-y/z/web', await of('9.0.0')],
    ['x/y-z-web', { '8.0.0': await packed(filesOf('8.0.0', 'y-z-web')) }],
  ]);
  const { catalogue, listed } = open(stock);
  t.strictSame(await listed(), [
    ...['user:ann@registry/a-b-web 3.0.0', 'user:ann@registry/charts-web 1.0.0'],
    'user:ann@registry/x-y-z-web 8.0.0',
  ]);
  const deep = await catalogue.find('user:ann@registry/a-b-web', ann);
  t.match(deep, { version: '3.0.0', problems: [], folder: { path: 'oci://registry.test/ann/a/b/web' } });
});

t.test('what is wrong with a packed chart is told, and nothing of it is anywhere', async (t) => {
  const large = 'x'.repeat(9 * 1024 * 1024);
  const cases: [archive: Buffer, problem: RegExp][] = [
    [await packed([...filesOf(), { name: '../evil', text: 'x' }]), /"..\/evil" lies outside of its folder web/],
    [await packed([...filesOf(), { name: 'web/../../evil', text: 'x' }]), /lies outside/],
    [await packed([...filesOf(), { name: '/etc/evil', text: 'x' }]), /lies outside/],
    [await packed([...filesOf(), { name: 'web/a\\..\\evil', text: 'x' }]), /lies outside/],
    [await packed([...filesOf(), { name: 'web//evil', text: 'x' }]), /lies outside/],
    [await packed(filesOf('1.2.3', 'other')), /lies outside of its folder web/],
    [await packed([...filesOf(), { name: 'web/link', type: 'symlink' }]), /"web\/link" is no plain file/],
    [await packed([...filesOf(), { name: 'web/link', type: 'link' }]), /no plain file/],
    [await packed([...filesOf(), { name: 'web/pipe', type: 'fifo' }]), /no plain file/],
    [await packed([...filesOf(), { name: 'web/process.yaml', text: 'x' }]), /is in it twice/],
    [await packed([...filesOf(), { name: 'web/large', text: large }]), /unpacks to more than/],
    [await packed([{ name: 'web/', type: 'directory' }]), /has no folder web/],
    [
      await packed(Array.from({ length: 501 }, (_, index) => ({ name: `web/${index}`, text: 'x' }))),
      /more than 500 files/,
    ],
    [Buffer.from('no gzip'), /not packed with gzip/],
    [gzipSync(Buffer.from('no archive'.repeat(200))), /no archive of files/],
  ];
  for (const [archive, problem] of cases) {
    const { catalogue } = open(new Map([['web', { '1.2.3': archive }]]));
    const [found, ...more] = await catalogue.list(ann);
    t.strictSame(more, []);
    t.match(found?.problems, [{ file: 'Chart.yaml', severity: 'error', message: problem }], String(problem));
  }
  const bomb = [
    'a0: &a0 [x]',
    ...Array.from({ length: 12 }, (_, index) => {
      const before = `*a${index}`;
      return `a${index + 1}: &a${index + 1} [${Array.from({ length: 9 }, () => before).join(', ')}]`;
    }),
  ].join('\n');
  const { catalogue } = open(
    new Map([['web', { '1.2.3': await packed([...filesOf(), { name: 'web/values.yaml', text: bomb }]) }]]),
  );
  t.match((await catalogue.list(ann))[0]!.problems, [{ file: 'values.yaml', message: /too many aliases/ }]);
});

t.test('a registry that is away or slow holds nobody up, and what was seen stays', async (t) => {
  const stock = new Map([['web', { '1.2.3': await packed(filesOf()) }]]);
  // As long as an answer in memory may take on a machine that does other things.
  const { state, listed } = open(stock, { waitMs: 500 });
  state.isAway = true;
  t.strictSame(await listed(), []);
  t.strictSame(await listed(), []);
  t.strictSame(state.asked, ['list ann'], 'not asked again at once');
  state.isAway = false;
  state.now += 15_000;
  t.strictSame(await listed(), ['user:ann@registry/web 1.2.3']);
  state.isAway = true;
  state.now += 15_000;
  t.strictSame(await listed(), ['user:ann@registry/web 1.2.3'], 'as it was seen');

  let release = (): void => undefined;
  state.isAway = false;
  state.hold = new Promise((resolve) => (release = resolve));
  state.now += 15_000;
  stock.delete('web');
  t.strictSame(await listed(), ['user:ann@registry/web 1.2.3'], 'it does not answer');
  const asked = state.asked.length;
  state.now += 15_000;
  t.strictSame(await listed(), ['user:ann@registry/web 1.2.3']);
  t.equal(state.asked.length, asked, 'one question at a time');
  release();
  await state.hold;
  await new Promise(setImmediate);
  t.strictSame(await listed(), [], 'and then what it said');
});

t.test('a chart that cannot be fetched is told as that, and asked for again later', async (t) => {
  const { state, catalogue } = open(new Map([['web', { '1.2.3': await packed(filesOf()) }]]));
  state.givesNone = true;
  const [found] = await catalogue.list(ann);
  t.match(found!.problems, [{ file: 'Chart.yaml', message: /cannot be fetched from the registry now/ }]);
  t.strictSame(found!.versions, ['1.2.3']);
});
