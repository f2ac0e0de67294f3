import t from 'tap';
import { actWords, factWords, subjectWords } from '../../dashboard/src/lib/acts.ts';
import {
  componentTitle,
  counted,
  duration,
  greeting,
  listed,
  memorySize,
  relativeTime,
} from '../../dashboard/src/lib/words.ts';

const now = 1_800_000_000_000;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

t.test('times read as people say them', async (t) => {
  const rows: [number, string][] = [
    [0, 'just now'],
    [-20_000, 'just now'],
    [5000, 'just now'],
    [30_000, 'in 30 seconds'],
    [-minute, '1 minute ago'],
    [-59 * minute, '59 minutes ago'],
    [-90 * minute, '1 hour ago'],
    [-day, 'yesterday'],
    [2 * day, 'in 2 days'],
    [-8 * day, 'last week'],
    [-40 * day, 'last month'],
    [-800 * day, '2 years ago'],
  ];
  for (const [offset, words] of rows) t.equal(relativeTime(now + offset, now, 'en'), words);
});

t.test('durations, counts and lists', async (t) => {
  t.equal(duration(-5), '0 s');
  t.equal(duration(59_999), '59 s');
  t.equal(duration(125_000), '2 min 5 s');
  t.equal(duration(3_780_000), '1 h 3 min');
  t.equal(counted(1, 'person', 'people'), '1 person');
  t.equal(counted(0, 'person', 'people'), '0 people');
  t.equal(listed(['a', 'b', 'c']), 'a, b, and c');
  t.strictSame([4, 9, 15, 22].map(greeting), ['Hello', 'Good morning', 'Good afternoon', 'Good evening']);
});

t.test("the machine's words become ours, unknown ones stay readable", async (t) => {
  t.equal(actWords('user.approved'), 'Account approved');
  t.equal(actWords('link.created'), 'Link made');
  t.equal(actWords('client.added'), 'Application registered');
  t.equal(actWords('backup.made'), 'Backup made');
  const id = '327fee6b-28b8-4041-a674-e9ddd4f04388';
  t.equal(
    factWords({ id, isAdmin: true, firstProblem: 'x', files: 0, empty: '', nothing: null, no: false }),
    'is admin, first problem x, files 0',
  );
  t.equal(factWords(undefined), '');
  t.equal(subjectWords(`session:${id}`), 'session 327fee6b');
  t.equal(subjectWords('user:ann'), 'user ann');
  t.equal(subjectWords('policies'), 'policies');
  t.equal(actWords('user.approved.undone'), 'Undone: account approved');
  t.equal(actWords('backup.made.undone'), 'Undone: backup made');
  t.equal(componentTitle({ name: 'store' }), 'Database');
  t.equal(componentTitle({ name: 'disk-space' }), 'Disk space');
  t.equal(componentTitle({ name: 'app:wiki', title: 'Group wiki' }), 'Group wiki');
});

t.test('memory is told in the units it is made in', async (t) => {
  const GiB = 1024 ** 3;
  for (const [bytes, words] of [
    [0, '0 B'],
    [1024, '1 KiB'],
    [GiB - 1, '1 GiB'],
    [GiB, '1 GiB'],
    [1.5 * GiB, '1.5 GiB'],
    [16 * GiB, '16 GiB'],
    [18 * 1024 ** 2, '18 MiB'],
  ] as const)
    t.equal(memorySize(bytes), words, String(bytes));
});
