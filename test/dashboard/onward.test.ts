import t from 'tap';
import { onto } from '../../dashboard/src/lib/ui/list/onto.ts';

const at = (query: string) => new URL(`https://knot.example/admin/users${query}`);

t.test('a link of the list that is shown changes the list that was asked for', async (t) => {
  const cases = [
    // link, shown, asked for, leads to
    ['?sort=name', '', '', '?sort=name'],
    ['?sort=name', '', '?q=ma', '?q=ma&sort=name'],
    ['?q=m&state=active', '?q=m', '?q=ma', '?q=ma&state=active'],
    ['', '?state=active', '?q=ma&state=active', '?q=ma'],
    ['?q=x&page=2', '?q=x', '?q=xy', '?q=xy&page=2'],
    ['?sort=name', '?page=3', '?page=4', '?sort=name'],
    ['?q=b', '?q=a', '?q=a&sort=name', '?q=b&sort=name'],
    ['?q=a', '?q=a', '?q=b&sort=name', '?q=b&sort=name'],
    ['?view=a.txt', '', '?q=ma&page=2', '?q=ma&view=a.txt'],
  ] as const;
  for (const [link, shown, pending, goal] of cases) {
    t.equal(
      onto(at(link), at(shown), at(pending)),
      `/admin/users${goal}`,
      `${link} on ${shown} while ${pending} comes`,
    );
  }
});
