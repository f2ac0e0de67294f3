import t from 'tap';
import type { Service } from '../../dashboard/src/lib/contract.ts';
import { healthBadge, healthWords, servicesSentence, toolsSentence } from '../../dashboard/src/lib/summaries.ts';

type Status = Parameters<typeof toolsSentence>[0][number]['status']['status'];
const tiles = (...states: Status[]) =>
  states.map((status, index) => ({ title: 'ABCDEFGH'[index]!, status: { status, message: '' } }));

t.test('the sentence of Home is true of every mixture of tools', async (t) => {
  const rows: [Status[], string][] = [
    [[], ''],
    [['unknown', 'unwatched', 'off'], ''],
    [['ready'], 'A is ready.'],
    [['ready', 'unwatched'], 'A is ready.'],
    [['ready', 'ready', 'ready', 'ready'], 'Everything is ready.'],
    [['ready', 'ready', 'ready', 'ready', 'unknown'], '4 of 5 are ready.'],
    [['preparing', 'ready'], 'A is being prepared.'],
    [['preparing', 'preparing', 'preparing', 'preparing', 'ready'], '4 of 5 are being prepared.'],
    [['failed', 'preparing', 'unreachable'], 'A and C do not work just now.'],
    [['failed', 'failed', 'failed', 'unreachable'], '4 of 4 do not work just now.'],
  ];
  for (const [states, sentence] of rows) t.equal(toolsSentence(tiles(...states)), sentence, states.join(' '));
});

t.test('a part that is still being looked at is not said to work', async (t) => {
  const parts = (...states: ('ok' | 'working' | 'warning' | 'failed')[]) =>
    states.map((status, index) => ({ name: 'abcdefgh'[index]!, status, message: '' }));
  const words = (...states: Parameters<typeof parts>) => healthWords(parts(...states), ({ name }) => name);
  t.equal(words('ok', 'ok'), 'All 2 parts work');
  t.equal(words('ok', 'working'), '1 part works, b is not ready yet');
  t.equal(words('working', 'working', 'ok'), '1 part works, a and b are not ready yet');
  t.equal(words('working', 'working', 'working', 'working'), '0 parts work, 4 are not ready yet');
  t.same(healthBadge(parts('ok', 'ok')), { mark: 'ready', text: 'Everything works' });
  t.same(healthBadge(parts('ok', 'working')), { mark: 'working', text: '1 part is not ready yet' });
  t.same(healthBadge(parts('working', 'failed', 'warning')), { mark: 'warning', text: '2 parts need a look' });
});

t.test(
  'what runs, in one sentence: what failed is told before what comes, and that before what is there',
  async (t) => {
    const service = (name: string, state: Service['state'], wish: Service['wish'] = 'running') => ({
      name,
      state,
      wish,
    });
    const running = [service('a', 'ready'), service('b', 'ready')];
    t.equal(servicesSentence([]), '');
    t.equal(servicesSentence([service('a', 'stopped', 'stopped'), service('b', 'sleeping', 'asleep')]), '');
    t.equal(servicesSentence(running), 'a and b are running.');
    t.equal(servicesSentence([...running, service('c', 'starting')]), 'c is starting.');
    t.equal(
      servicesSentence([...running, service('c', 'starting'), service('d', 'failed')]),
      'd could not be started.',
    );
    t.equal(servicesSentence(['a', 'b', 'c', 'd'].map((name) => service(name, 'ready'))), '4 services are running.');
  },
);
