import t from 'tap';
import { saysBusy } from '../../gateway/services/busy.ts';

t.test('where a program says that it works', async (t) => {
  const kernels = JSON.stringify([{ execution_state: 'idle' }, { execution_state: 'busy' }]);
  t.ok(saysBusy(kernels, '/*/execution_state', ['busy']));
  t.notOk(saysBusy(kernels, '/0/execution_state', ['busy']));
  t.ok(saysBusy(kernels, '/1/execution_state', ['busy', 'starting']));
  t.ok(saysBusy('{"jobs": 2}', '/jobs', undefined));
  t.ok(saysBusy('{"a/b": {"~": [1]}}', '/a~1b/~0', undefined));
  t.ok(saysBusy('true', '', undefined));
  for (const nothing of [
    '{"jobs": 0}',
    '{"jobs": []}',
    '{"jobs": {}}',
    '{"jobs": ""}',
    '{"jobs": null}',
    '{}',
    '[]',
    '1',
  ])
    t.notOk(saysBusy(nothing, '/jobs', undefined), nothing);
  t.notOk(saysBusy('{"jobs": "busy"}', '/jobs/*', ['busy']));
  t.notOk(saysBusy('{"x": 1}', '/constructor', undefined), 'nothing that every object has');
  t.notOk(saysBusy('<html>', '', undefined));
});
