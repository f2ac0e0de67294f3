import t from 'tap';
import { find, type Entry } from '../../dashboard/src/lib/frame/palette/find.ts';
import { createKeyListener, isMoving, isTyping } from '../../dashboard/src/lib/frame/keyboard.ts';

const entry = (title: string, words = '', hint = ''): Entry => ({
  id: title,
  group: 'g',
  title,
  words,
  hint,
  href: '/',
});
const titles = (entries: Entry[]): string[] => entries.map(({ title }) => title);
const entries = [entry('Policies', 'rules cedar'), entry('Users', 'people approve'), entry('Echo'), entry('My users')];

t.test('the palette shows all, then only what fits, best first', async (t) => {
  t.strictSame(titles(find(entries, '')), titles(entries));
  t.strictSame(titles(find(entries, 'us')), ['Users', 'My users']);
  t.strictSame(titles(find(entries, 'APPROVE')), ['Users']);
  t.strictSame(titles(find(entries, 'users my')), ['My users']);
  t.strictSame(titles(find(entries, 'nothing')), []);
});

t.test('keys act on the page, and g waits only a moment', async (t) => {
  const done: string[] = [];
  const listen = createKeyListener({
    openPalette: () => void done.push('palette'),
    openShortcuts: () => void done.push('shortcuts'),
    focusSearch: () => (done.push('search'), true),
    jump: (key) => key === 'u' && done.push('jump') > 0,
  });
  const press = (key: string, timeStamp: number, ctrlKey = false, path: unknown[] = []): void => {
    const composedPath = () => [...path, { matches: () => false }, { nodeName: '#document' }];
    listen({ key, timeStamp, ctrlKey, metaKey: false, altKey: false, composedPath, preventDefault: () => undefined });
  };
  press('k', 0, true);
  press('?', 1);
  press('/', 2);
  press('g', 3);
  press('u', 500);
  press('g', 1000);
  press('u', 3000);
  press('u', 3100);
  press('?', 4000, false, [{ matches: () => true }, { nodeName: '#document-fragment' }]);
  t.strictSame(done, ['palette', 'shortcuts', 'search', 'jump']);
});

t.test('what keeps its keys keeps those that lead to the next thing as well, and some keep only those', (t) => {
  /** An element that is what it is said to be, inside one that is nothing of it. */
  const aimedAt = (selector: string) => ({
    composedPath: () => [
      { matches: (asked: string) => asked.split(/,(?![^(]*\))/).some((one) => one.trim() === selector) },
      { matches: () => false },
    ],
  });
  const typing = 'input:not([type=checkbox], [type=radio])';
  for (const [selector, ...wanted] of [
    [typing, true, true],
    ['textarea', true, true],
    ['dialog', true, true],
    ['[role=menu]', true, true],
    ['input', false, true],
    ['audio', false, true],
    ['video', false, true],
    ['[data-keeps-arrows]', false, true],
    ['main', false, false],
  ] as const)
    t.strictSame([isTyping(aimedAt(selector)), isMoving(aimedAt(selector))], wanted, selector);
  t.end();
});
