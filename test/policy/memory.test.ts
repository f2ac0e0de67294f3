import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { copyOfShipped } from './support.ts';

/** The engine keeps its memory to itself, so the test takes hold of it while instances are made. */
type Instance = { exports: { memory: { buffer: ArrayBuffer } } };
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Instance: new (...parameters: unknown[]) => Instance };
};
const memories: WeakRef<Instance['exports']['memory']>[] = [];
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, parameters: unknown[]) {
    const instance = new target(...parameters);
    memories.push(new WeakRef(instance.exports.memory));
    return instance;
  },
});
const { createPolicy } = await import('../../gateway/policy/index.ts');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

t.test('reloads, taken and refused, leave one engine in memory and none behind', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ recordReload: () => undefined, folder, clock: systemClock, log: silentLog });
  t.teardown(() => policy.close());
  const rounds = 25;
  for (let round = 0; round < rounds; round += 1) {
    const isHostile = round % 2 === 1;
    const rule = isHostile
      ? `permit (principal, action, resource) when { ${'('.repeat(200)}true${')'.repeat(200)} };`
      : `@id("closed") forbid (principal, action == Action::"impersonate", resource); // ${round}`;
    writeFileSync(join(folder, 'turn.cedar'), rule);
    const { isCurrent } = await policy.reload();
    if (isCurrent === isHostile) t.fail(`round ${round}`);
  }
  t.ok(memories.length >= rounds / 2, 'each set that passed had an instance of its own');
  for (let turn = 0; turn < 10; turn += 1) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const alive = memories.filter((memory) => memory.deref() !== undefined).length;
  t.ok(alive <= 3, `${alive} of ${memories.length} are alive`);
});
