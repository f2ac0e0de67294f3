import t from 'tap';
import { tellPreparing } from '../../gateway/app/preparing.ts';
import type { Integration } from '../../gateway/integrations/index.ts';
import type { Log, TileStatus } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';

t.test('a tool that is being prepared tells each step, and every ten seconds that it still moves', async (t) => {
  let now = 0;
  let tile: TileStatus = { status: 'preparing', step: 'download', message: 'Downloading a (1 of 2)', stepStartedAt: 0 };
  let changed = () => undefined as void;
  const tool = {
    name: 'jupyterhub',
    title: 'Notebooks',
    tile: () => tile,
    onChange: (listener: () => void) => ((changed = listener), () => void (changed = () => undefined)),
  };
  const lines: string[] = [];
  const log = { info: (_fields: object, message: string) => void lines.push(message) } as unknown as Log;
  const telling = tellPreparing([tool as unknown as Integration], { clock: { now: () => now }, log, checkMs: 1 });
  t.teardown(() => telling.close());

  changed();
  tile = { ...tile, message: 'Downloading b (2 of 2)' };
  changed();
  t.strictSame(lines, ['Notebooks: Downloading a (1 of 2)'], 'not a line for each file');

  now = 8_000;
  await eventually('a line although nothing changed', () => lines.length > 1);
  t.equal(lines.at(-1), 'Notebooks: Downloading b (2 of 2)');

  tile = { ...tile, step: 'start', message: 'Starting JupyterHub' };
  changed();
  t.equal(lines.at(-1), 'Notebooks: Starting JupyterHub', 'a new step at once');
  tile = { status: 'ready', message: 'Opens JupyterHub.' };
  changed();
  t.equal(lines.at(-1), 'Notebooks is ready');
  const { length } = lines;
  now = 60_000;
  changed();
  t.equal(lines.length, length, 'nothing more once it is ready');

  telling.close();
  tile = { status: 'preparing', step: 'repair', message: 'Repairing' };
  changed();
  const others: string[] = [];
  const other = { info: (_fields: object, message: string) => void others.push(message) } as unknown as Log;
  const later = tellPreparing([tool as unknown as Integration], {
    clock: { now: () => (now += 8_000) },
    log: other,
    checkMs: 1,
  });
  t.teardown(() => later.close());
  await eventually('another one tells', () => others.length > 2);
  t.equal(lines.length, length, 'nothing more once it is closed');
});
