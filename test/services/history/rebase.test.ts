import fc from 'fast-check';
import t from 'tap';
import { differences, isNewer, isSame, type JsonObject, namesIn, withDefaults } from '../../../gateway/lib/index.ts';
import { rebase, withValueAt } from '../../../gateway/services/history/rebase.ts';

t.test('what differs, put where it differs, makes the one of the other', async () => {
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.integer()));
  const { tree } = fc.letrec<{ tree: JsonObject }>((tie) => ({
    tree: fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'a/b', '~1')),
      fc.oneof({ maxDepth: 3 }, leaf, tie('tree')),
      { maxKeys: 4 },
    ),
  }));
  fc.assert(
    fc.property(tree, tree, (before, given) => {
      const after = withDefaults(before, given);
      let made = before;
      for (const { path, after: value } of differences(before, after))
        if (value !== undefined) made = withValueAt(made, namesIn(path), value);
      if (!isSame(made, after)) throw new Error(JSON.stringify([made, after]));
      if (({} as Record<string, unknown>)['polluted'] !== undefined) throw new Error('polluted');
    }),
    { numRuns: 500 },
  );
});

t.test('what a person chose goes along to the new defaults; what does not fit is named', async (t) => {
  const schema = {
    properties: { size: { enum: ['s', 'm'] }, disk: {}, net: { properties: { hosts: {} } }, free: { type: 'object' } },
  };
  const check = ({ size, disk }: JsonObject) => [
    ...(size === 's' || size === 'm' ? [] : [{ pointer: '/size', message: 'must be s or m' }]),
    ...(typeof disk === 'number' && disk > 50 ? [{ pointer: '', message: 'too much' }] : []),
  ];
  const rebased = rebase({
    oldDefaults: { size: 's', disk: 10, theme: 'light', net: { hosts: [] }, was: 1 },
    values: { size: 'xl', disk: 20, theme: 'light', net: { hosts: ['a'] }, was: 2, free: { x: 1 } },
    newDefaults: { size: 'm', disk: 30, theme: 'dark', net: { hosts: ['new'] }, extra: true },
    schema,
    check,
  });
  t.strictSame(rebased, {
    values: { size: 'm', disk: 20, theme: 'dark', net: { hosts: ['a'] }, extra: true, free: { x: 1 } },
    misfits: [
      { path: '/size', message: 'must be s or m' },
      { path: '/was', message: 'The new version does not know this.' },
    ],
  });
  const { misfits } = rebase({
    oldDefaults: {},
    values: { disk: 90 },
    newDefaults: { size: 's', disk: 1 },
    schema,
    check,
  });
  t.strictSame(misfits, [{ path: '/disk', message: 'too much' }], 'also where the refusal stands elsewhere');
});

t.test('which version is newer', async (t) => {
  for (const [newer, older] of [
    ['1.0.1', '1.0.0'],
    ['1.10.0', '1.9.9'],
    ['2.0.0', '1.99.99'],
    ['1.0.0', '1.0.0-rc.1'],
    ['1.0.0-rc.2', '1.0.0-rc.1'],
    ['1.0.0-rc.10', '1.0.0-rc.9'],
    ['1.0.0-beta', '1.0.0-7'],
    ['1.0.0-rc.1.1', '1.0.0-rc.1'],
    ['1.1', '1.0.5'],
  ] as const) {
    t.ok(isNewer(newer, older), `${newer} > ${older}`);
    t.notOk(isNewer(older, newer));
  }
  t.notOk(isNewer('1.0.0+b', '1.0.0+a'));
});
