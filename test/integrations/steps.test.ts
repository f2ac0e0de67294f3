import t from 'tap';
import { createSteps } from '../../gateway/integrations/jupyterhub/steps.ts';
import type { TileStatus } from '../../gateway/lib/index.ts';

const at = (step: string, stepStartedAt: number): TileStatus => ({
  status: 'preparing',
  message: '',
  step,
  stepStartedAt,
});
const failed: TileStatus = { status: 'failed', message: '' };

const after = (...tiles: TileStatus[]) => {
  const steps = createSteps();
  for (const tile of tiles) steps.note(tile);
  return steps.list();
};

t.test('what was done, with the time it took, what is under way, and what is to come', async (t) => {
  t.strictSame(after(at('python', 1000), at('python', 1000), at('environment', 3000), at('download', 7000)), [
    { title: 'Look for Python', state: 'done', startedAt: 1000, endedAt: 3000 },
    { title: 'Make a Python environment', state: 'done', startedAt: 3000, endedAt: 7000 },
    { title: 'Download packages', state: 'working', startedAt: 7000 },
    { title: 'Install packages', state: 'waiting' },
    { title: 'Start JupyterHub', state: 'waiting' },
  ]);
  t.strictSame(after(at('start', 5), at('start', 9)), [{ title: 'Start JupyterHub', state: 'working', startedAt: 5 }]);
  t.match(after(at('waiting', 5)), [{ title: 'Wait for another installation' }, { title: 'Start JupyterHub' }]);
});

t.test('a step that failed is shown as failed, and begins anew with what follows it', async (t) => {
  const begun = [at('python', 1), at('environment', 2), at('download', 3)];
  t.match(after(...begun, failed), [{ state: 'done' }, { state: 'done' }, { title: /Download/, state: 'failed' }]);
  t.strictSame(after(...begun, failed, at('python', 9)).slice(0, 2), [
    { title: 'Look for Python', state: 'working', startedAt: 9 },
    { title: 'Make a Python environment', state: 'waiting' },
  ]);
  t.match(after(at('start', 1), failed, at('start', 8)), [{ state: 'working', startedAt: 8 }]);
});

t.test('nothing is told before it begins, nor when it is ready', async (t) => {
  t.strictSame(after(), []);
  t.strictSame(after(failed), []);
  t.strictSame(after(at('start', 1), { status: 'ready', message: '' }), []);
  t.strictSame(after(at('start', 1), { status: 'ready', message: '' }, at('restart', 5)), [
    { title: 'Start JupyterHub again', state: 'working', startedAt: 5 },
  ]);
});
