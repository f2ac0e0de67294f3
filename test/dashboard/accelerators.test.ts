import t from 'tap';
import { acceleratorWords } from '../../dashboard/src/lib/forms/accelerators.ts';
import { waitsIn } from '../../dashboard/src/lib/forms/launch/obstacles.ts';

t.test('beside a number of accelerators stands how many are free, and what the plan allows', async (t) => {
  const gpu = { name: 'nvidia.com/gpu', total: 4, free: 2 };
  t.equal(acceleratorWords('nvidia.com/gpu', [gpu]), '2 of 4 free');
  t.equal(acceleratorWords('nvidia.com/gpu', [{ ...gpu, limit: 1 }]), '2 of 4 free; the plan allows 1');
  t.equal(acceleratorWords('amd.com/gpu', [gpu]), 'The cluster has no amd.com/gpu now.');
});

t.test('what a start would wait for is apart from what keeps from it', async (t) => {
  const wait = { field: 'template', message: 'It waits for 1 nvidia.com/gpu.', isWait: true };
  t.strictSame(waitsIn([{ field: 'name', message: 'It is taken.' }, wait]), [wait]);
});
